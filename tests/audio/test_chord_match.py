"""Chords that are played beside those that were asked for: in notes, and in sound."""

from __future__ import annotations

from fractions import Fraction

from audio.chord_match import match_notes, match_sound
from audio.guide import render_guide
from midi.backing import backing
from midi.chords import Chord, chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.note import Note

GRID = Grid.constant(120, "4/4", 4)
C = Key.parse("C")


def chords(text: str) -> tuple[Chord, ...]:
    return chords_from_text(text, GRID).chords


def played(text: str) -> dict[str, tuple[Note, ...]]:
    band = backing(GRID, C, None, chords(text))
    return {"drums": band.drums, "bass": band.bass, "melody": band.chords}


def test_the_chords_asked_for_agree_whole() -> None:
    for text in ("C | F G | Am7 | G/B", "Dm7b5 | G7#9 | Cm(maj7) | Caug", "E5 | Asus4 | N.C. | D6"):
        match = match_notes(chords(text), played(text))
        assert match is not None and match.measured_on == "notes"
        assert (match.agreement, match.bass_agreement, match.departures) == (1.0, 1.0, ())


def test_a_wrong_chord_is_counted_by_its_time_and_named() -> None:
    # The second half of bar 2 has G instead of F: 2 of 16 beats.
    match = match_notes(chords("C | F . | G | C"), played("C | F G | G | C"))
    assert match is not None and match.agreement == 1.0, "F sounds as long as G: it may be F"
    match = match_notes(chords("C | F F | G | C"), played("C | F G | G | C"))
    assert match is not None and match.agreement == 14 / 16
    wrong = match_notes(chords("C | F | Am | C"), played("C | F | E | C"))
    assert wrong is not None and wrong.agreement == 0.75
    assert [(each.beat, each.asked, each.heard) for each in wrong.departures] == [(8, "Am", "E")]


def test_a_seventh_that_is_left_out_is_the_same_chord_and_a_wrong_third_is_not() -> None:
    assert match_notes(chords("Cmaj7 | F7 | G9 | C6"), played("C | F | G | C")).agreement == 1  # type: ignore[union-attr]
    assert match_notes(chords("C | C | C | C"), played("Cm | C | C | C")).agreement == 0.75  # type: ignore[union-attr]
    assert match_notes(chords("E5 | E5 | E5 | E5"), played("Em | E | E5 | F")).agreement == 0.75  # type: ignore[union-attr]


def test_a_chord_without_a_note_and_notes_without_a_chord_are_departures() -> None:
    half = {"melody": tuple(n for n in played("C|C|C|C")["melody"] if n.start_beats < 8)}
    match = match_notes(chords("C | N.C. | C | N.C."), half)
    assert match is not None and match.agreement == 0.5
    assert [each.heard for each in match.departures] == ["C", "N.C."]


def test_the_bass_note_must_begin_on_the_chords_start() -> None:
    notes = played("C | F | G | C/E")
    late = tuple(
        Note(n.start_beats + Fraction(1, 2), n.length_beats, n.pitch) if n.start_beats == 4 else n
        for n in notes["bass"]
    )
    match = match_notes(chords("C | F | G | C"), {**notes, "bass": late})
    # F comes half a beat late, and the last bar has E under it instead of C.
    assert match is not None and match.bass_agreement == 0.5


def test_only_drums_say_nothing_of_chords() -> None:
    assert match_notes(chords("C|C|C|C"), {"drums": played("C|C|C|C")["drums"]}) is None


def test_chords_are_found_in_sound() -> None:
    asked = "C | F G | Am7 | G/B"
    sound = render_guide(GRID, C, None, chords(asked))
    right, wrong = (
        match_sound(chords(asked), sound, GRID),
        match_sound(chords("E|B|C#m|E"), sound, GRID),
    )
    assert right is not None and wrong is not None and right.measured_on == "sound"
    assert right.agreement == 1.0 and right.bass_agreement is None
    assert wrong.agreement == 0.0
