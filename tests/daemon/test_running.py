"""`send` starts a daemon where none runs, and `send quit` returns when it is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.home_lock import is_held, locked

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken

Backline = Callable[..., subprocess.CompletedProcess[str]]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def backline(tmp_path: Path) -> Iterator[Backline]:
    """Runs `backline ...` as a user whose home and port are the test's own."""
    own = {
        **os.environ, "PYTHONPATH": str(ROOT), "BACKLINE_HOME": str(tmp_path / "home"),
        "BACKLINE_OSC_PORT": str(free_port()), "BACKLINE_WARM_ENGINE": "none",
    }  # fmt: skip

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "daemon", *words],
            cwd=tmp_path, env=own, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
        )  # fmt: skip

    yield run
    run("send", "quit")


def test_a_daemon_is_started_once_and_is_gone_when_quit_returns(
    backline: Backline, tmp_path: Path
) -> None:
    first = backline("send", "version")
    assert first.returncode == 0 and "product: backline" in first.stdout
    assert first.stderr.startswith("no daemon runs: starting one")
    lock = (tmp_path / "home" / "daemon.lock").read_text()
    again = backline("send", "jobs")
    assert (again.returncode, again.stderr) == (0, "")
    assert (tmp_path / "home" / "daemon.lock").read_text() == lock  # the same process
    ended = backline("send", "quit")
    assert (ended.returncode, ended.stdout) == (0, "the daemon has stopped\n")
    with locked(tmp_path / "home"):  # which only a process that is gone gives back
        pass
    assert backline("send", "quit").stdout.startswith("no daemon runs on port ")


@pytest.mark.parametrize("words", [("version", "--no-start"), ("status",)])
def test_no_daemon_is_started_where_none_is_wanted(
    backline: Backline, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = backline("send", *words)
    assert ran.returncode == 1 and "`backline serve` starts one" in ran.stderr
    assert not (tmp_path / "home").exists()


def test_a_daemon_that_cannot_start_says_why(backline: Backline, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with locked(tmp_path / "home"):
        ran = backline("send", "version")
    assert ran.returncode == 1
    assert "the daemon could not be started: a daemon already runs for home" in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there a lock ends with its file")
def test_a_home_that_is_kept_is_held_until_its_process_is_gone(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path\n"
        "from daemon.home_lock import keep, locked, say_port\n"
        "with locked(Path(sys.argv[1])) as lock: say_port(lock, 9787); keep(lock)\n"
        "print('closed', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "closed\n"
        assert is_held(tmp_path, 9787)
        assert not is_held(tmp_path, 9788)  # another daemon's home is not waited for
        holder.stdin.close()
        holder.wait(DEADLINE_SECONDS)
    assert not is_held(tmp_path, 9787)
