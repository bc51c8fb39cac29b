"""Latents show a performance exactly: what is encoded comes back when decoded."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion.embedded.latents import (
    FRAMES_PER_BEAT,
    LAYOUT,
    PARTS,
    encode,
    frames_of,
    tonic_shift,
)
from diffusion.embedded.note_extraction import decode
from diffusion.embedded.performance import Part, Performance, Played


def band(**parts: Part) -> Performance:
    return Performance(8.0, parts)


def test_every_channel_belongs_to_exactly_one_part() -> None:
    for index, part in enumerate(PARTS):
        single = {LAYOUT.offset[part], LAYOUT.gain[part], LAYOUT.onset.get(part, -1)} - {-1}
        several = np.r_[LAYOUT.notes[part], LAYOUT.velocity[part], LAYOUT.timbre[part]].tolist()
        assert sorted([*single, *several]) == np.flatnonzero(LAYOUT.owners == index).tolist()


def test_a_bar_of_seven_eight_is_forty_two_frames_long() -> None:
    # 7/8 = 3.5 quarters; 3.5 x 12 = 42.
    assert frames_of(3.5) == 42


def test_whether_something_is_struck_does_not_depend_on_how_loud() -> None:
    loud, soft = (
        encode(band(drums=Part((Played(1.0, 0.25, 36, velocity),), "room")), 0)
        for velocity in (1.0, 0.2)
    )
    kick = LAYOUT.notes["drums"].start
    assert loud[12, kick] == soft[12, kick] == 1.0
    louder = LAYOUT.velocity["drums"].start
    # (1 - 0.6) / 0.4 and (0.2 - 0.6) / 0.4
    assert loud[12, louder] == pytest.approx(1.0)
    assert soft[12, louder] == pytest.approx(-1.0)
    assert not loud[13:, LAYOUT.velocity["drums"]].any()


def test_a_length_that_is_no_whole_number_of_frames_is_covered_to_its_end() -> None:
    # 9/32 = 1.125 quarters; 1.125 x 12 = 13.5, so 14 frames.
    assert frames_of(1.125) == 14


@pytest.mark.parametrize(("tonic", "shift"), [(0, 0), (5, 5), (6, -6), (11, -1)])
def test_the_tonic_moves_pitches_by_at_most_a_tritone(tonic: int, shift: int) -> None:
    assert tonic_shift(tonic) == shift


@pytest.mark.parametrize("tonic", range(12))
def test_notes_come_back_at_the_same_pitch_in_every_key(tonic: int) -> None:
    bass = Part((Played(0.0, 1.0, 28, 0.5), Played(2.0, 1.5, 55, 0.9)), "slap", -3.0)
    back = decode(encode(band(bass=bass), tonic), tonic, 8.0).parts["bass"]
    assert [(n.start_beats, n.length_beats, n.pitch) for n in back.notes] == [
        (0.0, 1.0, 28),
        (2.0, 1.5, 55),
    ]
    assert back.timbre == "slap"
    assert back.gain_db == pytest.approx(-3.0, abs=0.01)


def test_a_swung_late_hit_keeps_its_place_between_frames() -> None:
    # 0.62 beats = 7.44 frames: frame 7 and 0.44 of the way to the next.
    hits = Part((Played(0.62, 0.25, 42, 0.7),), "jazz")
    (back,) = decode(encode(band(drums=hits), 0), 0, 8.0).parts["drums"].notes
    assert back.start_beats == pytest.approx(0.62, abs=1e-6)
    assert back.velocity == pytest.approx(0.7, abs=1e-6)
    assert back.pitch == 42


def test_repeated_notes_stay_apart_and_keep_their_lengths() -> None:
    notes = tuple(Played(i * 0.25, 0.25, 60, 0.8) for i in range(8))
    back = decode(encode(band(lead=Part(notes, "flute")), 0), 0, 8.0).parts["lead"].notes
    assert [n.start_beats for n in back] == [i * 0.25 for i in range(8)]
    assert all(n.length_beats == pytest.approx(0.25) for n in back)


def test_a_chord_and_an_arpeggio_under_it_come_back_note_for_note() -> None:
    notes = (
        Played(0.0, 4.0, 60, 0.6),
        Played(0.0, 1.0, 64, 0.6),
        Played(1.0, 1.0, 67, 0.6),
        Played(2.0, 1.0, 64, 0.6),
    )
    back = decode(encode(band(comp=Part(notes, "organ")), 9), 9, 8.0).parts["comp"].notes
    assert {(n.start_beats, n.length_beats, n.pitch) for n in back} == {
        (n.start_beats, n.length_beats, n.pitch) for n in notes
    }


def test_noise_well_under_half_the_distance_changes_no_note() -> None:
    notes = tuple(Played(i * 0.5, 0.5, 60 + i, 0.8) for i in range(8))
    latents = encode(band(vocals=Part(notes, "alto")), 3)
    noise = np.random.default_rng(5).normal(0.0, 0.1, latents.shape).astype(np.float32)
    noise[:, LAYOUT.offset["vocals"]] = 0.0
    back = decode(latents + noise, 3, 8.0).parts["vocals"].notes
    assert [(n.pitch, n.start_beats) for n in back] == [(n.pitch, n.start_beats) for n in notes]


def test_notes_never_reach_past_the_end_of_the_piece() -> None:
    latents = encode(band(bass=Part((Played(7.5, 4.0, 40, 0.8),), "finger")), 0)
    (note,) = decode(latents, 0, 8.0).parts["bass"].notes
    assert note.start_beats + note.length_beats <= 8.0


def test_frames_follow_the_beat() -> None:
    assert len(encode(band(), 0)) == 8 * FRAMES_PER_BEAT
