from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mido import MidiFile

from midi.grid import Grid
from stems.files import write_take
from stems.stem_set import Take


@pytest.mark.parametrize("level", [0.05, 0.9])  # as it comes, and turned down by the common gain
def test_the_written_stems_cancel_against_the_written_mix(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take], level: float
):
    _, null_dbfs = write_take(tmp_path, make_take(grid, level=level), 1, grid)
    read = {
        name: soundfile.read(tmp_path / f"{name}.wav", dtype="float64")[0]
        for name in ("drums", "bass", "melody", "vocals", "mix")
    }
    residue = read.pop("mix") - sum(read.values())
    left = np.abs(residue).max()
    assert 20 * np.log10(left) <= -100.0  # dBFS, the limit promised
    assert null_dbfs == pytest.approx(20 * np.log10(left), abs=0.01)


def test_wav_files_are_stereo_float_of_the_grid_s_length(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take]
):
    write_take(tmp_path, make_take(grid), 1, grid)
    for name in ("drums", "bass", "melody", "vocals", "mix"):
        info = soundfile.info(tmp_path / f"{name}.wav")
        assert (info.frames, info.samplerate, info.channels) == (96_000, 48_000, 2)
        assert (info.format, info.subtype) == ("WAV", "FLOAT")


def test_only_the_asked_stems_are_written(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take]
):
    take = make_take(grid, stems=("bass", "vocals"))
    entries, _ = write_take(tmp_path, take, 1, grid)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"bass.wav", "vocals.wav", "mix.wav", "bass.mid", "vocals.mid"}
    assert {entry.path for entry in entries} == names


def test_a_later_take_lies_in_a_folder_of_its_own(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take]
):
    entries, _ = write_take(tmp_path, make_take(grid, stems=("bass",)), 3, grid)
    assert [entry.path for entry in entries] == [
        "take3/bass.wav", "take3/mix.wav", "take3/bass.mid",
    ]  # fmt: skip
    assert all((tmp_path / entry.path).stat().st_size == entry.bytes for entry in entries)


def test_notes_are_written_beside_the_stem_that_plays_them(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take]
):
    write_take(tmp_path, make_take(grid), 1, grid)
    drums, bass = MidiFile(tmp_path / "drums.mid"), MidiFile(tmp_path / "bass.mid")
    ons = [m for track in drums.tracks for m in track if m.type == "note_on" and m.velocity]
    assert [(m.note, m.channel) for m in ons] == [(40, 9)]  # channel 10 to a musician
    ons = [m for track in bass.tracks for m in track if m.type == "note_on" and m.velocity]
    assert [(m.note, m.channel) for m in ons] == [(47, 0)]


def test_a_stem_without_notes_gets_no_midi_file(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take]
):
    full = make_take(grid)
    take = Take(full.stem_set, {"drums": full.notes["drums"], "bass": ()})
    write_take(tmp_path, take, 1, grid)
    assert [file.name for file in tmp_path.glob("*.mid")] == ["drums.mid"]
