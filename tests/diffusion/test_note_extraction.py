"""What the network wrote is read as its players mean it, doubtful places included."""

from __future__ import annotations

import numpy as np

from diffusion.embedded.latents import LAYOUT, PITCH_ROWS, encode
from diffusion.embedded.note_extraction import decode
from diffusion.embedded.performance import Part, Performance, Played

BEATS = 8.0


def bass(*notes: Played) -> np.ndarray:
    return encode(Performance(BEATS, {"bass": Part(notes, "finger")}), 0)


def read(latents: np.ndarray, part: str = "bass") -> list[tuple[float, float, int]]:
    notes = decode(latents, 0, BEATS).parts[part].notes
    return [(n.start_beats, round(n.length_beats, 3), n.pitch) for n in notes]


def test_a_doubtful_hit_is_loud_or_not_there() -> None:
    hit = Part((Played(1.0, 0.25, 38, 0.8),), "room")
    latents = encode(Performance(BEATS, {"drums": hit}), 0)
    snare = LAYOUT.notes["drums"].start + 1
    latents[12, snare] = 0.2  # a chance of 0.6
    (note,) = decode(latents, 0, BEATS).parts["drums"].notes
    assert round(note.velocity, 3) == 0.8
    latents[12, snare] = -0.2  # 0.4
    assert decode(latents, 0, BEATS).parts["drums"].notes == ()


def test_a_hit_that_may_be_on_either_of_two_frames_is_on_one() -> None:
    latents = encode(Performance(BEATS, {}), 0)
    snare = LAYOUT.notes["drums"].start + 1
    latents[7:9, snare] = -0.2, 0.0  # chances of 0.4 and 0.5
    notes = decode(latents, 0, BEATS).parts["drums"].notes
    assert [round(note.start_beats * 12) for note in notes] == [8]


def row(part: str, pitch: int) -> int:
    return LAYOUT.notes[part].start + pitch - PITCH_ROWS[part][0]


def test_a_pitch_that_flickers_without_an_onset_begins_no_note() -> None:
    latents = bass(Played(0.0, 4.0, 40, 0.8))
    latents[18:20, row("bass", 40)] = -0.2  # doubtful for two frames, not given up
    latents[60:66, row("bass", 43)] = 1.0  # sounds, but nothing was struck
    assert read(latents) == [(0.0, 4.0, 40)]


def test_where_something_is_struck_the_likeliest_pitch_sounds() -> None:
    latents = bass(Played(0.0, 1.0, 40, 0.8), Played(2.0, 1.0, 45, 0.8))
    # The second note's pitch is doubtful: chance 0.25 (a mean of -0.5), its neighbour's 0.1.
    latents[24:36, row("bass", 45)] = -0.5
    latents[24:36, row("bass", 46)] = -0.8
    assert [note[::2] for note in read(latents)] == [(0.0, 40), (2.0, 45)]


def test_an_onset_over_silence_strikes_nothing() -> None:
    latents = bass(Played(0.0, 1.0, 40, 0.8))
    latents[48, LAYOUT.onset["bass"]] = 0.8
    assert read(latents) == [(0.0, 1.0, 40)]


def test_a_chord_held_under_a_moving_voice_is_struck_once() -> None:
    held = [Played(0.0, 4.0, pitch, 0.8) for pitch in (60, 64)]
    moving = [Played(0.0, 2.0, 67, 0.8), Played(2.0, 2.0, 69, 0.8)]
    part = Part(tuple(held + moving), "piano")
    latents = encode(Performance(BEATS, {"comp": part}), 0)
    assert read(latents, "comp") == [
        (0.0, 4.0, 60), (0.0, 4.0, 64), (0.0, 2.0, 67), (2.0, 2.0, 69),
    ]  # fmt: skip


def test_a_chord_whose_gap_was_lost_is_struck_again_all_the_same() -> None:
    chords = [Played(start, 2.0, pitch, 0.8) for start in (0.0, 2.0) for pitch in (60, 64, 67)]
    latents = encode(Performance(BEATS, {"comp": Part(tuple(chords), "piano")}), 0)
    for pitch in (60, 64, 67):
        latents[23, row("comp", pitch)] = 1.0  # the silent frame before the second
    assert [note[::2] for note in read(latents, "comp")] == [
        (start, pitch) for start in (0.0, 2.0) for pitch in (60, 64, 67)
    ]
