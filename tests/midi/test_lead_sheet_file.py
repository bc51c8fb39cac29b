"""A lead sheet in files: written, read back, edited in either, and which of them counts."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from mido import MidiFile

from midi.chords import chords_from_text
from midi.errors import SheetError
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet, Section, Tune
from midi.lead_sheet_file import JSON_NAME, MIDI_NAME, read_sheet, write_sheet
from midi.note import Note

GRID = Grid.constant(120, "4/4", 4)
C = Key.parse("C")
SHEET = LeadSheet(
    (Section("intro", 1, 1), Section("verse, soft", 2, 3)),
    chords_from_text("C∆ G/B | N.C. | F . . E7#9 | E7#9", GRID).chords,
    Tune("vocals", (Note(Fraction(1, 3), Fraction(1), 60, 90), Note(Fraction(4), Fraction(2), 62))),
    {"drums": ((2, 4),), "vocals": ((1, 2),)},
    (0.25, 0.5, 0.75, 1.0),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sheet(tmp_path, SHEET, GRID, C)
    return tmp_path


def test_a_sheet_is_read_back_as_it_was_written(folder: Path) -> None:
    assert read_sheet(folder, GRID, C) == (SHEET, ())
    assert read_sheet(folder / JSON_NAME, GRID, C) == (SHEET, ())


def test_the_midi_file_alone_holds_sections_chords_and_tune(folder: Path) -> None:
    sheet, changes = read_sheet(folder / MIDI_NAME, GRID, C)
    assert (sheet.sections, sheet.chords, sheet.tune) == (SHEET.sections, SHEET.chords, SHEET.tune)
    assert (sheet.parts, sheet.intensity, changes) == ({}, None, ())


def test_an_edit_of_the_json_file_counts(folder: Path) -> None:
    plain = json.loads((folder / JSON_NAME).read_text("utf-8"))
    plain["chords"][0]["symbol"] = "Am"
    plain["parts"]["bass"] = []
    (folder / JSON_NAME).write_text(json.dumps(plain), "utf-8")
    sheet, changes = read_sheet(folder, GRID, C)
    assert (sheet.chords[0].symbol, sheet.chords[0].root, changes) == ("Am", 9, ())
    assert sheet.parts["bass"] == () and sheet.tune == SHEET.tune


def edit_midi(path: Path, change: str) -> None:
    """Move the notes of the first chord up a tone, or drop the tune's last note."""
    file = MidiFile(path, charset="utf-8")
    for track in file.tracks:
        if change == "chord" and track.name == "chords":
            strokes = [m for m in track if m.type in ("note_on", "note_off")][:10]
            for message in strokes:
                message.note += 2
        if change == "tune" and track.name == "vocals":
            for message in [m for m in track if m.type.startswith("note")][2:]:
                track.remove(message)
    file.save(path)


def test_an_edit_of_the_midi_file_counts_for_what_it_holds_and_that_is_said(folder: Path) -> None:
    edit_midi(folder / MIDI_NAME, "chord")
    sheet, changes = read_sheet(folder, GRID, C)
    # C∆ is five notes with its bass: up a tone it is D∆; its old symbol no longer fits.
    assert [each.symbol for each in sheet.chords[:2]] == ["Dmaj7", "G/B"]
    assert (sheet.parts, sheet.intensity) == (SHEET.parts, SHEET.intensity)
    assert changes[0].startswith("lead_sheet.mid was edited: its sections, chords and tune count")


def test_a_note_taken_from_the_tune_in_the_midi_file_is_gone(folder: Path) -> None:
    edit_midi(folder / MIDI_NAME, "tune")
    sheet, _ = read_sheet(folder, GRID, C)
    assert sheet.tune is not None and [note.pitch for note in sheet.tune.notes] == [60]
    assert sheet.chords == SHEET.chords


def test_saving_the_midi_file_again_is_no_edit(folder: Path) -> None:
    edit_midi(folder / MIDI_NAME, "nothing")
    assert read_sheet(folder, GRID, C) == (SHEET, ())


def test_either_file_may_be_missing(folder: Path) -> None:
    (folder / JSON_NAME).unlink()
    assert read_sheet(folder, GRID, C)[0].chords == SHEET.chords
    with pytest.raises(SheetError, match=r"holds no lead_sheet.json and no lead_sheet.mid"):
        read_sheet(folder.parent, GRID, C)


def test_an_empty_sheet_has_files_too(tmp_path: Path) -> None:
    write_sheet(tmp_path, LeadSheet(), GRID, C)
    assert read_sheet(tmp_path, GRID, C) == (LeadSheet(), ())


def test_a_sheet_longer_than_the_music_is_refused(folder: Path) -> None:
    with pytest.raises(SheetError, match="has 4 bars, but the music has 3"):
        read_sheet(folder, Grid.constant(120, "4/4", 3), C)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.json", None, "cannot be read: No such file"),
        ("bad.json", b"{", "is no JSON"),
        ("bad.json", b"\xff", "not UTF-8"),
        ("bad.mid", b"MThd", "cut short"),
    ],
)
def test_a_file_that_is_no_lead_sheet_is_refused(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SheetError, match=sentence):
        read_sheet(tmp_path / name, GRID, C)


def test_a_midi_file_without_the_tracks_of_a_sheet_is_refused(folder: Path) -> None:
    file = MidiFile(folder / MIDI_NAME)
    for track in file.tracks:
        track.name = "piano"
    file.save(folder / MIDI_NAME)
    with pytest.raises(SheetError, match="a track named chords, melody, vocals"):
        read_sheet(folder, GRID, C)


def test_the_length_of_a_part_that_never_plays_is_kept(folder: Path) -> None:
    silent = replace(SHEET, parts={"melody": ()}, tune=None)
    write_sheet(folder, silent, GRID, C)
    assert read_sheet(folder, GRID, C)[0] == silent


def test_names_that_utf_8_cannot_hold_are_written_all_the_same(tmp_path: Path) -> None:
    odd = LeadSheet((Section("caf\udce9", 1, 2),))  # as a command line gives undecodable bytes
    write_sheet(tmp_path, odd, GRID, C)
    assert read_sheet(tmp_path, GRID, C) == (odd, ())
