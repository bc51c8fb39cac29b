from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.errors import DaemonError
from daemon.home_lock import locked

HOLD = """
import sys
from pathlib import Path
from daemon.home_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_daemon_is_told_who_has_the_home(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(DaemonError) as refusal, locked(tmp_path):
            pass
        assert str(tmp_path) in str(refusal.value)
        assert f"process {os.getpid()}" in str(refusal.value)


def test_a_released_home_can_be_taken_again(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    with locked(tmp_path), pytest.raises(DaemonError), locked(tmp_path):
        pass


def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DaemonError, match=f"process {holder.pid}"), locked(tmp_path):
            pass
        holder.kill()
        holder.wait(300)
    with locked(tmp_path):
        pass
