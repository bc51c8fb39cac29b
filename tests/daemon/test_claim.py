"""Two commands with the same -o at the same time: neither loses what it makes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daemon import claim

ROOT = Path(__file__).resolve().parent.parent.parent
Run = Callable[..., int]
HOLD = """
import sys
from pathlib import Path
from daemon.claim import claimed
print(claimed(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def a_place_for_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "user"))


@contextmanager
def held_elsewhere(target: Path) -> Iterator[None]:
    """While another process has this name; it is killed in the end, as by the system."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)], env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        try:
            assert other.stdout is not None and other.stdout.readline() == "True\n"
            yield
        finally:
            other.kill()


def test_a_name_is_one_process_s_until_it_ends_even_if_killed(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "song"):
        assert not claim.claimed(tmp_path / "song")
        assert not claim.claimed(tmp_path / "there" / ".." / "song")  # by whatever name
        assert claim.claimed(tmp_path / "song-2")
    assert claim.claimed(tmp_path / "song")
    claim.release_all()
    assert not list((tmp_path / "user").rglob("claims/*"))


def test_a_folder_that_another_command_is_writing_is_left_to_it(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "song"
    with held_elsewhere(out), held_elsewhere(tmp_path / "song-2"):
        asked = ("--bpm", "240", "--key", "A minor", "--bars", "1", "-o", out)
        assert run("generate", *asked) == 0
    assert not out.exists() and (tmp_path / "song-3" / "manifest.json").is_file()
    assert "song is being written by another command; the new one" in capsys.readouterr().err
    assert claim._held == {}


def test_a_file_that_another_command_is_writing_is_refused_at_once(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "drums.wav", np.full(9_600, 0.1), 48_000)
    words = ("to-midi", tmp_path / "drums.wav", "-o", tmp_path / "x.mid")
    with held_elsewhere(tmp_path / "x.mid"):
        assert run(*words) == 2
    assert "x.mid' is being written by another command" in capsys.readouterr().err
    assert not (tmp_path / "x.mid").exists()
    assert run(*words) == 0 and (tmp_path / "x.mid").is_file()


@pytest.mark.slow
def test_two_processes_that_start_at_once_both_keep_their_plan(tmp_path: Path) -> None:
    words = ("plan", "--bpm", "120", "--key", "C", "--bars", "1", "-o", tmp_path / "plan")
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "daemon", *map(str, words), "--seed", str(seed)],
            cwd=ROOT, env=os.environ | {"BACKLINE_HOME": str(tmp_path / "home")},
        )
        for seed in (1, 2)
    ]  # fmt: skip
    assert [each.wait() for each in both] == [0, 0]
    for name in ("plan", "plan-2"):
        assert (tmp_path / name / "lead_sheet.json").is_file()
