"""A stem that plays its melody scores 1; wrong notes, octaves and rests are told."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from audio.clip import Clip
from audio.melody_match import match_melody
from midi.grid import Grid
from midi.note import Note

RATE = 44_100
GRID = Grid.constant(120, bars=2)
PITCHES = (60, 64, 67, 72, 71, 67, 62, 60)
NOTES = [Note(Fraction(beat), Fraction(9, 10), pitch) for beat, pitch in enumerate(PITCHES)]


def played(pitches: tuple[int | None, ...]) -> Clip:
    """Half a second a note at 120 bpm, with five harmonics and soft edges."""
    time = np.arange(RATE // 2) / RATE
    edges = np.minimum(1, np.minimum(time, 0.45 - time).clip(0) / 0.01)
    notes = []
    for pitch in pitches:
        hertz = 440 * 2 ** (((pitch or 60) - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hertz * n * time) / n for n in range(1, 6))
        notes.append((0.2 if pitch else 0) * tone * edges)
    mono = np.concatenate(notes).astype(np.float32)
    return Clip(np.stack([mono, mono]), RATE)


def test_the_melody_itself_is_heard_whole() -> None:
    match = match_melody(played(PITCHES), NOTES, GRID)
    assert match is not None
    assert match.recall == match.chroma_agreement == 1.0
    assert match.note_f1 > 0.95  # pitches at the edges of notes may be off
    assert match.departures == ()


def test_a_wrong_note_an_octave_and_a_rest_are_told_apart() -> None:
    match = match_melody(played((60, 65, 67, 60, 71, None, 62, 60)), NOTES, GRID)
    assert match is not None
    assert match.recall == 5 / 8
    assert match.chroma_agreement == 6 / 8  # the octave counts
    told = [
        (d.beat, d.asked, None if d.heard is None else round(d.heard)) for d in match.departures
    ]
    assert told == [(1.0, 64, 65), (3.0, 72, 60), (5.0, 67, None)]


def test_no_melody_gives_no_match_and_silence_a_match_of_nothing() -> None:
    silence = Clip(np.zeros((2, 4 * RATE), np.float32), RATE)
    assert match_melody(silence, [], GRID) is None
    match = match_melody(silence, NOTES, GRID)
    assert match is not None
    assert (match.note_f1, len(match.departures)) == (0.0, 8)
