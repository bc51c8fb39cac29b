"""Chords out of files: text, and MIDI of block chords, strums and broken chords."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from midi.chord_file import length_of_chords, read_chords
from midi.chord_notes import chords_from_notes
from midi.errors import ChordError
from midi.grid import Grid
from midi.key import Key
from midi.note import Note
from midi.smf import write_smf

GRID = Grid.constant(120, "4/4", 4)
C = Key.parse("C")
C_CHORD, F_CHORD, G_OVER_B = (60, 64, 67), (53, 60, 65, 69), (47, 62, 67)


def block(start: float, length: float, pitches: tuple[int, ...], strum: float = 0) -> list[Note]:
    begins = [
        Fraction(str(start)) + number * Fraction(str(strum)) for number in range(len(pitches))
    ]
    end = Fraction(str(start)) + Fraction(str(length))
    return [Note(begin, end - begin, pitch) for begin, pitch in zip(begins, pitches, strict=True)]


def shown(notes: list[Note], grid: Grid = GRID) -> list[tuple[float, float, str]]:
    chords = chords_from_notes(notes, grid, C).chords
    return [(each.start_beats, each.length_beats, each.symbol) for each in chords]


def test_block_chords_last_until_the_next() -> None:
    stabs = block(0, 0.5, C_CHORD) + block(4, 4, F_CHORD) + block(10, 2, G_OVER_B)
    stabs += block(12, 4, C_CHORD)
    assert shown(stabs) == [(0, 4, "C"), (4, 6, "F"), (10, 2, "G/B"), (12, 4, "C")]


def test_a_strum_is_one_chord_and_a_chord_struck_again_in_its_bar_goes_on() -> None:
    # Three strings 0.03 beats apart each; four strokes a bar.
    strums = [note for beat in range(16) for note in block(beat, 0.9, C_CHORD, strum=0.03)]
    assert shown(strums) == [(bar * 4, 4, "C") for bar in range(4)]


def test_a_bass_that_moves_under_a_held_chord_makes_a_slash_chord() -> None:
    held = block(0, 16, C_CHORD) + block(0, 8, (48,)) + block(8, 8, (47,))
    assert shown(held) == [(0, 8, "C"), (8, 8, "Cmaj7/B")]


def test_broken_chords_are_read_bar_by_bar() -> None:
    pattern = {0: C_CHORD, 4: F_CHORD, 8: G_OVER_B, 12: C_CHORD}
    arpeggios = [
        Note(Fraction(bar + step), Fraction(1), pitches[step % len(pitches)])
        for bar, pitches in pattern.items()
        for step in range(4)
    ]
    assert shown(arpeggios) == [(0, 4, "C"), (4, 4, "F"), (8, 4, "G/B"), (12, 4, "C")]


def test_where_nothing_sounds_for_a_bar_there_is_no_chord() -> None:
    notes = block(4, 2, C_CHORD) + block(12, 4, F_CHORD)
    # Silence from beat 6: from the next bar line, beat 8, there is no chord.
    assert shown(notes) == [(0, 4, "N.C."), (4, 4, "C"), (8, 4, "N.C."), (12, 4, "F")]


def test_a_short_part_repeats_and_a_long_one_is_cut_and_both_are_said() -> None:
    short = block(0, 4, C_CHORD) + block(4, 4, F_CHORD)
    read = chords_from_notes(short, GRID, C)
    assert [each.symbol for each in read.chords] == ["C", "F", "C", "F"]
    assert read.chords[-1].end_beats == 16
    assert read.changes == ("The chords have 2 bars; they repeat from the start until bar 4.",)
    long = chords_from_notes(short + block(8, 12, C_CHORD), GRID, C)
    assert long.chords[-1].end_beats == 16
    assert long.changes == ("The chords were cut at the end of bar 4.",)


def test_a_midi_file_of_chords_is_read_and_measured(tmp_path: Path) -> None:
    path = tmp_path / "chords.mid"
    write_smf(path, block(0, 4, C_CHORD) + block(4, 4, F_CHORD), GRID)
    read = read_chords(path, GRID, Key.parse("F"))
    assert [each.symbol for each in read.chords][:2] == ["C", "F"]
    assert length_of_chords(path) == 8  # beats


def test_a_text_file_of_chords_is_read_and_measured(tmp_path: Path) -> None:
    path = tmp_path / "song.txt"
    path.write_bytes(b"\xef\xbb\xbf| H7 | Em |\r\n| B | Em |\r\n")
    read = read_chords(path, GRID, C, german_h=True)
    assert [each.symbol for each in read.chords] == ["B7", "Em", "Bb", "Em"]
    assert length_of_chords(path) == 4  # bars


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file"),
        (b"", "cannot be read: it is empty"),
        (b"MThd\x00\x00", "cut short"),
        (b"\xff\xfe\x00C", "neither a MIDI file nor UTF-8 text"),
        (b"C |" * 30_000, "more than 65536 bytes of text"),
        (b"C | Zz", "bar 2: 'Zz' is no chord symbol"),
    ],
)
def test_a_file_that_holds_no_chords_is_refused(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "chords"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ChordError, match=sentence):
        read_chords(path, GRID, C)


def test_a_part_without_notes_has_no_chords() -> None:
    with pytest.raises(ChordError, match="no pitched note"):
        chords_from_notes([], GRID, C)
