"""A user's melody fits the part that plays it and is played as written."""

from __future__ import annotations

from fractions import Fraction

from diffusion.embedded.intent import Harmony
from diffusion.embedded.melody_part import agreement, harmony_of, tune_of
from diffusion.embedded.performance import Part, Performance, Played
from midi.chords import Chord
from midi.melody import Melody, Note


def melody(*pitches: int, harmony: tuple[Note, ...] = ()) -> Melody:
    notes = tuple(Note(Fraction(i), Fraction(1), pitch, 100) for i, pitch in enumerate(pitches))
    return Melody(notes, harmony, ())


def test_a_melody_in_range_is_not_moved() -> None:
    tune, remarks = tune_of(melody(60, 64, 67), "lead")
    assert [note.pitch for note in tune] == [60, 64, 67]
    assert remarks == ()


def test_a_low_melody_moves_as_a_whole_by_octaves_and_says_so() -> None:
    tune, remarks = tune_of(melody(36, 40, 43), "lead")
    assert [note.pitch for note in tune] == [60, 64, 67]
    assert "+2 octave" in remarks[0]


def test_a_single_note_out_of_range_moves_alone_and_is_counted() -> None:
    # The vocals reach up to 81: 84 comes down an octave, the others stay.
    tune, remarks = tune_of(melody(60, 64, 67, 84), "vocals")
    assert [note.pitch for note in tune] == [60, 64, 67, 72]
    assert remarks[0].startswith("1 note(s)")


def test_agreement_counts_notes_of_the_right_pitch_at_the_right_time() -> None:
    tune = (Played(0.0, 1.0, 60, 0.8), Played(1.0, 1.0, 62, 0.8))
    assert agreement(tune, tune) == 1.0
    late = (Played(0.2, 1.0, 60, 0.8), Played(1.05, 1.0, 62, 0.8))
    # One of two found among two played: F1 = 2 x 1 / (2 + 2).
    assert agreement(late, tune) == 0.5


def test_only_the_leading_part_is_replaced() -> None:
    bass = Part((Played(0.0, 1.0, 40, 0.8),), "finger")
    lead = Part((Played(0.0, 1.0, 70, 0.8),), "flute", -2.0)
    tune = (Played(0.5, 0.5, 72, 0.9),)
    kept = Performance(4.0, {"bass": bass, "lead": lead}).with_notes("lead", tune)
    assert kept.parts["bass"] == bass
    assert kept.parts["lead"] == Part(tune, "flute", -2.0)


def test_chords_under_a_melody_become_pitch_classes() -> None:
    low = Note(Fraction(0), Fraction(4), 48, 80)
    assert harmony_of((), melody(60)) is None
    assert harmony_of((), melody(64, harmony=(low,))) == (
        Harmony(0.0, 4.0, (0,), struck=False),
        Harmony(0.0, 1.0, (4,), struck=False),
    )


def test_chords_are_told_with_their_bass_before_what_lies_under_the_melody() -> None:
    low = Note(Fraction(0), Fraction(4), 48)
    chord = Chord(0.0, 4.0, "G/B", 7, 11, (7, 11, 2))
    told = (Harmony(0.0, 4.0, (7, 11, 2), 11),)
    assert harmony_of((chord,), melody(64, harmony=(low,))) == told
    assert harmony_of((chord,), None) == told
    assert harmony_of((), None) is None
