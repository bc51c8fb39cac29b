"""A lead sheet tells the band who plays in which bar, and on which chords."""

from __future__ import annotations

from fractions import Fraction

from diffusion.embedded.performance import Part, Performance, Played
from diffusion.embedded.sheet_reading import (
    kept_silent,
    melody_of,
    presence_of,
    sections_of,
)
from midi.grid import Grid
from midi.lead_sheet import LeadSheet, Section, Tune
from midi.note import Note

GRID = Grid.constant(120, "4/4", 4)


def bass(*notes: tuple[float, float]) -> Performance:
    part = Part(tuple(Played(start, length, 40, 0.8) for start, length in notes), "finger")
    return Performance(16.0, {"bass": part})


def spans(performance: Performance) -> list[tuple[float, float]]:
    return [(n.start_beats, n.length_beats) for n in performance.parts["bass"].notes]


def test_a_part_is_told_bar_by_bar_and_one_that_is_not_named_is_left_open() -> None:
    sheet = LeadSheet(parts={"chords": ((2, 3),), "vocals": ()})
    assert presence_of(sheet, 4) == {
        "comp": (False, True, True, False),
        "vocals": (False, False, False, False),
    }


def test_a_part_that_is_off_is_silent_and_a_note_before_it_is_cut_off() -> None:
    # Bars begin at beats 0, 4, 8, 12; the bass plays in the first and the last.
    plays = {"bass": (True, False, False, True)}
    kept = kept_silent(bass((3.0, 2.0), (5.0, 1.0), (11.99, 1.0), (13.0, 1.0)), plays, GRID)
    assert spans(kept) == [(3.0, 1.0), (11.99, 1.0), (13.0, 1.0)]


def test_a_part_of_which_nothing_is_said_plays_on() -> None:
    assert spans(kept_silent(bass((3.0, 2.0)), {"drums": (False,) * 4}, GRID)) == [(3.0, 2.0)]


def test_bars_have_the_names_of_their_sections() -> None:
    sheet = LeadSheet(sections=(Section("verse", 1, 2), Section("chorus", 4, 4)))
    assert sections_of(sheet, 4) == ("verse", "verse", "", "chorus")
    assert sections_of(LeadSheet(), 4) == ()


def test_the_tune_of_a_sheet_is_a_melody() -> None:
    note = Note(Fraction(0), Fraction(1), 60, 80)
    melody = melody_of(LeadSheet(tune=Tune("vocals", (note,))))
    assert melody is not None
    assert melody.notes == (note,)
    assert melody_of(LeadSheet()) is None
