"""The chords' part plays each planned chord, whatever the network left out."""

from __future__ import annotations

from diffusion.embedded.accompaniment import with_planned_chords
from diffusion.embedded.intent import Harmony
from diffusion.embedded.performance import RANGES, Part, Performance, Played

C_MAJOR, A_MINOR7 = Harmony(0.0, 4.0, (0, 4, 7)), Harmony(4.0, 4.0, (9, 0, 4, 7))


def comp(*notes: Played) -> Performance:
    return Performance(8.0, {"comp": Part(notes, "piano")})


def played(performance: Performance, begin: float, end: float) -> set[int]:
    """The pitch classes of the notes that begin there."""
    notes = performance.parts["comp"].notes
    return {note.pitch % 12 for note in notes if begin <= note.start_beats < end}


def test_a_chord_that_nothing_strikes_is_held_until_shortly_before_the_next() -> None:
    whole = with_planned_chords(comp(), (C_MAJOR, A_MINOR7))
    first = [note for note in whole.parts["comp"].notes if note.start_beats == 0.0]
    assert {note.pitch % 12 for note in first} == {0, 4, 7}
    assert all(3.5 < note.length_beats < 4.0 for note in first)
    assert played(whole, 4, 8) == {9, 0, 4, 7}
    low, high = RANGES["comp"]
    assert all(low <= note.pitch <= high for note in whole.parts["comp"].notes)


def test_a_chord_of_one_note_is_filled_up_where_that_note_is_struck() -> None:
    whole = with_planned_chords(comp(Played(1.0, 2.0, 64, 0.5)), (C_MAJOR,))
    assert {note.start_beats for note in whole.parts["comp"].notes} == {1.0}
    assert played(whole, 0, 4) == {0, 4, 7}
    assert {note.velocity for note in whole.parts["comp"].notes} == {0.5}


def test_a_broken_chord_stays_as_it_is() -> None:
    broken = comp(*(Played(beat, 0.5, pitch, 0.5) for beat, pitch in ((0, 60), (1, 64), (2, 67))))
    assert with_planned_chords(broken, (C_MAJOR,)) == broken


def test_where_no_chord_is_planned_nothing_is_added() -> None:
    silence = Harmony(0.0, 4.0, ())
    under_a_tune = Harmony(4.0, 4.0, (0,), struck=False)
    assert with_planned_chords(comp(), (silence, under_a_tune)) == comp()
    assert with_planned_chords(comp(), None) == comp()


def test_a_power_chord_asks_for_no_third() -> None:
    whole = with_planned_chords(comp(Played(0.0, 4.0, 60, 0.5)), (Harmony(0.0, 4.0, (0, 7)),))
    assert played(whole, 0, 4) == {0, 7}
