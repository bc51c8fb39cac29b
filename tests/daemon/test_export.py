"""`backline export` as users have it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audio.clip import Clip
from diffusion.facts import EngineDescription
from midi.grid import Grid
from midi.key import Key
from stems.delivery import deliver
from stems.stem_set import StemSet, Take


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished job of one bar and one stem."""
    monkeypatch.setattr("stems.delivery.draw_overview", lambda path, _: path.write_bytes(b"png"))
    grid = Grid.constant(240, "4/4", 1)
    clip = Clip(np.zeros((2, grid.frames(48_000)), dtype=np.float32), 48_000)
    deliver(
        tmp_path / "job", request={}, grid=grid, key=Key.parse("C"), melody=None,
        takes=[Take(StemSet({"bass": clip}), {}, None, 1)], stems=("bass",),
        engine=EngineDescription(name="test"),
    )  # fmt: skip
    return tmp_path / "job"


def test_a_job_becomes_one_file(
    job: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "song.dawproject"
    assert run("export", job, "--dawproject", out) == 0
    assert capsys.readouterr().out == f"{out}: 1 track, 0.4 MB\n"  # 48000 frames of 8 bytes
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["project.xml", "metadata.xml", "audio/bass.wav"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_job_becomes_a_session_of_ardour(
    job: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = tmp_path / "My song"
    assert run("export", job, "--ardour", session) == 0
    assert capsys.readouterr().out == f"{session / 'My song.ardour'}: 1 track\n"
    sound = session / "interchange" / "My song" / "audiofiles" / "bass.wav"
    assert sound.read_bytes() == (job / "bass.wav").read_bytes()
    assert run("export", job, "--ardour", session) == 2
    assert "is there already; choose another name" in capsys.readouterr().err
    (job / "bass.wav").unlink()
    assert run("export", job, "--ardour", tmp_path / "free") == 1
    assert "bass.wav" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["My song", "job"]


def test_what_cannot_be_exported_is_one_sentence_and_leaves_no_file(
    job: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken, free = tmp_path / "taken.dawproject", tmp_path / "free.dawproject"
    taken.write_text("mine")
    cases: list[tuple[Path, Path, int, str]] = [
        (job, taken, 2, "is there already"),
        (tmp_path, free, 1, "cannot be read"),
        (job, tmp_path / "nowhere" / "x.dawproject", 1, "cannot be written"),
        (job, tmp_path / "x.zip", 2, "must end in .dawproject"),
    ]
    for folder, out, status, words in cases:
        assert run("export", folder, "--dawproject", out) == status
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
    assert taken.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job", "taken.dawproject"]


def test_a_stem_that_is_gone_is_named(
    job: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job / "bass.wav").unlink()
    assert run("export", job, "--dawproject", tmp_path / "free.dawproject") == 1
    assert "bass.wav" in capsys.readouterr().err
    assert not (tmp_path / "free.dawproject").exists()


def test_a_job_is_not_written_into_and_what_is_there_is_kept_by_force(
    job: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job / "x.dawproject").write_text("mine")
    before = sorted(job.rglob("*"))
    for words in (
        ("--dawproject", job / "x.dawproject"), ("--ardour", job), ("--files", job),
    ):  # fmt: skip
        assert run("export", job, *words, "--force") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "is an input" in line or "belongs to a finished job" in line
    assert sorted(job.rglob("*")) == before
    (tmp_path / "song").mkdir()
    assert run("export", job, "--ardour", tmp_path / "song") == 0
    assert run("export", job, "--ardour", tmp_path / "song", "--force") == 0
    assert "song-bak" in capsys.readouterr().err
    assert (tmp_path / "song-bak" / "song.ardour").is_file()
