"""A finished job read back and changed: what stays is the same to the sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio.clip import Clip
from diffusion.facts import EngineDescription
from midi.grid import Grid
from midi.key import Key
from stems.delivery import deliver
from stems.errors import StemError
from stems.source import (
    CROSSFADE_SECONDS,
    change,
    check_same_frame,
    level_remark,
    read_edited_notes,
    read_source,
)
from stems.stem_set import Take

MakeTake = Callable[..., Take]
REQUEST: dict[str, object] = {"bpm": 180.0, "bars": 2, "key": "A minor"}


@pytest.fixture
def job(tmp_path: Path, grid: Grid, key: Key, make_take: MakeTake) -> Path:
    """A finished job of two takes: 2 bars of 3/4 at 180 bpm, 96000 frames."""
    takes = [replace(make_take(grid, seed), score={"seed": seed}) for seed in (1, 2)]
    deliver(
        tmp_path / "job", request=REQUEST, grid=grid, key=key, melody=None, takes=takes,
        stems=("drums", "bass", "melody", "vocals"), engine=EngineDescription(name="test"),
    )  # fmt: skip
    return tmp_path / "job"


def test_a_take_is_read_back_with_its_score(job: Path) -> None:
    source = read_source(job, 2)
    assert (source.take, source.score["seed"], source.manifest.request) == (2, 2, REQUEST)
    assert tuple(source.clips) == ("drums", "bass", "melody", "vocals")


def test_a_whole_new_stem_replaces_one_and_leaves_the_others(job: Path, grid: Grid) -> None:
    source = read_source(job)
    new = Clip(np.full((2, 96_000), 0.1, np.float32), 48_000)
    changed = change(source, {"bass": new}, grid, (0, 2))
    np.testing.assert_array_equal(changed.clips["bass"].samples, new.samples)
    np.testing.assert_array_equal(changed.clips["drums"].samples, source.clips["drums"].samples)


def test_outside_the_bars_nothing_changes_but_a_crossfade(job: Path, grid: Grid) -> None:
    source = read_source(job)
    new = Clip(np.full((2, 96_000), 0.1, np.float32), 48_000)
    changed = change(source, {"bass": new}, grid, (1, 2)).clips["bass"].samples
    old = source.clips["bass"].samples
    # Bar 2 begins at beat 3, 1 s, frame 48000; a 24th of a beat of 1/3 s before it is 667 frames.
    turn = 48_000 - 667
    fade = round(CROSSFADE_SECONDS * 48_000)
    np.testing.assert_array_equal(changed[:, : turn - fade], old[:, : turn - fade])
    np.testing.assert_array_equal(changed[:, turn:], new.samples[:, turn:])
    assert np.abs(np.diff(changed - old, axis=1)).max() < 0.5  # no step, the fade is gradual


def test_a_bar_changed_at_the_beginning_gives_way_before_the_next(job: Path, grid: Grid) -> None:
    source = read_source(job)
    new = Clip(np.full((2, 96_000), 0.1, np.float32), 48_000)
    changed = change(source, {"bass": new}, grid, (0, 1)).clips["bass"].samples
    turn = 48_000 - 667
    assert (changed[:, 0] == np.float32(0.1)).all()
    np.testing.assert_array_equal(changed[:, turn:], source.clips["bass"].samples[:, turn:])


def test_new_sound_gets_the_gain_that_the_source_had(
    tmp_path: Path, grid: Grid, key: Key, make_take: MakeTake
) -> None:
    loud = replace(make_take(grid, 1, level=0.9), score={})
    deliver(
        tmp_path / "loud", request=REQUEST, grid=grid, key=key, melody=None, takes=[loud],
        stems=("drums", "bass", "melody", "vocals"), engine=EngineDescription(name="test"),
    )  # fmt: skip
    source = read_source(tmp_path / "loud")
    assert source.gain_db < -6
    changed = change(source, {"bass": Clip(np.ones((2, 96_000), np.float32), 48_000)}, grid, (0, 2))
    assert changed.gain_db == source.gain_db
    np.testing.assert_allclose(changed.clips["bass"].samples, 10 ** (source.gain_db / 20))


def test_a_mix_over_full_scale_is_told_and_nothing_is_turned_down(job: Path, grid: Grid) -> None:
    source = read_source(job)
    loud = Clip(np.ones((2, 96_000), np.float32), 48_000)
    changed = change(source, {"bass": loud}, grid, (0, 2))
    assert "peaks at +" in (level_remark(changed) or "")
    np.testing.assert_array_equal(changed.clips["drums"].samples, source.clips["drums"].samples)


def test_what_is_no_finished_job_is_told_in_a_sentence(tmp_path: Path, job: Path) -> None:
    with pytest.raises(StemError, match="cannot be read"):
        read_source(tmp_path / "nowhere")
    with pytest.raises(StemError, match="has no take 3"):
        read_source(job, 3)
    (job / "score.json").write_text("{}")
    with pytest.raises(StemError, match="not a score of this version"):
        read_source(job)
    (job / "score.json").unlink()
    with pytest.raises(StemError, match="music cannot be changed"):
        read_source(job)
    (job / "bass.wav").unlink()
    with pytest.raises(StemError, match="bass"):
        read_source(job)


def test_another_tempo_or_key_is_refused_by_name(job: Path) -> None:
    source = read_source(job)
    check_same_frame(source, REQUEST)
    with pytest.raises(StemError, match=r"bpm must be the source's, 180\.0, not 120"):
        check_same_frame(source, {**REQUEST, "bpm": 120.0})


def test_a_midi_file_without_notes_for_the_stem_is_refused(job: Path, tmp_path: Path) -> None:
    with pytest.raises(StemError, match="midi file"):
        read_edited_notes(tmp_path / "none.mid", "bass")


def test_what_was_mended_in_edited_notes_is_said(tmp_path: Path) -> None:
    # One note-on at beat 0, and no end: it is closed with the track, a beat later.
    body = b"\0\x90\x3c\x40\x60\xff\x2f\0"
    head = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x08"
    (tmp_path / "bass.mid").write_bytes(head + body)
    found = read_edited_notes(tmp_path / "bass.mid", "bass")
    assert [note.pitch for note in found.notes] == [60]
    assert found.repairs == ("bass.mid: 1 note without an end closed with the file.",)
