"""Revisions: what is kept stays the same to the last digit, what changes lies where it should."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from diffusion.embedded import revision
from diffusion.embedded.latents import LAYOUT, PARTS
from diffusion.embedded.performance import Part, Performance, Played, as_plain, from_plain
from diffusion.errors import EngineError
from midi.note import Note

# Two bars of 4/4: 8 beats. The bass plays each beat, the lead holds one note over the bar line.
BASS = tuple(Played(float(beat), 0.5, 40 + beat, 0.5) for beat in range(8))
LEAD = (Played(0.0, 1.0, 72, 0.8), Played(3.0, 2.0, 76, 0.7))
COMP = (Played(0.0, 4.0, 60, 0.6), Played(4.0, 4.0, 62, 0.6))
OLD = Performance(
    8.0,
    {
        "drums": Part((), "room"),
        "bass": Part(BASS, "pick", -2.0),
        "comp": Part(COMP, "organ"),
        "lead": Part(LEAD, "flute"),
        "vocals": Part((), "alto"),
    },
)


def bass_of(*notes: Played) -> Performance:
    return Performance(8.0, {**OLD.parts, "bass": Part(notes, "synth", 3.0)})


def test_a_performance_comes_back_from_json_as_it_was() -> None:
    assert from_plain(as_plain(OLD)) == OLD


@pytest.mark.parametrize(
    "broken", [{}, {"beats": 8}, {"beats": "x", "parts": {}}, {"beats": 8, "parts": {"bass": {}}}]
)
def test_a_broken_score_is_refused_in_a_sentence(broken: dict[str, object]) -> None:
    with pytest.raises(EngineError, match="the score cannot be read"):
        from_plain(broken)


def test_all_is_known_but_the_asked_parts_in_the_asked_beats() -> None:
    latents, kept = revision.known_around(OLD, 0, ("bass",), (4.0, 8.0))
    assert latents.shape == (96, LAYOUT.channels)  # 8 beats of 12 frames
    bass = PARTS.index("bass")
    assert kept[:48, bass].all() and not kept[48:, bass].any()
    assert np.delete(kept, bass, axis=1).all()


def test_new_notes_stand_in_their_span_and_old_ones_around_it() -> None:
    new = bass_of(Played(1.0, 1.0, 30, 0.9), Played(5.0, 1.0, 31, 0.9))
    spliced = revision.splice(OLD, new, ("bass",), (4.0, 8.0))
    assert [note.pitch for note in spliced.parts["bass"].notes] == [40, 41, 42, 43, 31]
    assert spliced.parts["lead"] == OLD.parts["lead"]


def test_part_of_a_part_keeps_its_timbre_and_level_and_a_whole_one_takes_new_ones() -> None:
    new = bass_of(Played(5.0, 1.0, 31, 0.9))
    half = revision.splice(OLD, new, ("bass",), (4.0, 8.0)).parts["bass"]
    assert (half.timbre, half.gain_db) == ("pick", -2.0)
    whole = revision.splice(OLD, new, ("bass",), (0.0, 8.0)).parts["bass"]
    assert (whole.timbre, whole.gain_db) == ("synth", 3.0)


def test_a_note_that_rings_into_the_span_ends_there() -> None:
    silent = Performance(8.0, {**OLD.parts, "lead": Part((), "flute")})
    lead = revision.splice(OLD, silent, ("lead",), (4.0, 8.0)).parts["lead"]
    assert lead.notes == (LEAD[0], Played(3.0, 1.0, 76, 0.7))


def test_a_note_that_anticipates_the_span_by_a_little_belongs_to_it() -> None:
    early = bass_of(Played(3.97, 1.0, 31, 0.9))
    notes = revision.splice(OLD, early, ("bass",), (4.0, 8.0)).parts["bass"].notes
    assert [note.pitch for note in notes] == [40, 41, 42, 43, 31]


def test_edited_notes_keep_the_timbre_and_untouched_ones_every_digit() -> None:
    third = Played(1 / 3, 0.5, 45, 0.7123)
    old = bass_of(third, Played(2.0, 1.0, 47, 0.5))
    # 1/3 beat is 160 of 480 ticks, 0.7123 of 127 is velocity 90: as a MIDI file holds them.
    edited = (
        Note(Fraction(160, 480), Fraction(1, 2), 45, 90),
        Note(Fraction(2), Fraction(1), 48, 64),
    )
    part = revision.with_notes(old, "bass", edited).parts["bass"]
    assert (part.timbre, part.gain_db) == ("synth", 3.0)
    assert part.notes == (third, Played(2.0, 1.0, 48, 64 / 127))


def test_an_edited_melody_is_told_apart_into_chords_and_lead() -> None:
    edited = (
        Note(Fraction(0), Fraction(4), 60, 76),  # the chords' own
        Note(Fraction(3), Fraction(2), 77, 89),  # the lead's, a semitone up
    )
    parts = revision.with_notes(OLD, "melody", edited).parts
    assert [note.pitch for note in parts["comp"].notes] == [60]
    assert [note.pitch for note in parts["lead"].notes] == [77]


def test_edited_notes_end_with_the_music() -> None:
    edited = (Note(Fraction(7), Fraction(4), 40, 64), Note(Fraction(9), Fraction(1), 40, 64))
    notes = revision.with_notes(OLD, "bass", edited).parts["bass"].notes
    assert [(note.start_beats, note.length_beats) for note in notes] == [(7.0, 1.0)]
