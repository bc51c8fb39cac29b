"""Sound by whole semitones higher or lower, as long as it was.

By Signalsmith Stretch through audio/stretch.py, which knows no formants: voices sound smaller or
larger than they were, so that another take is better than a transposed one.
"""

from __future__ import annotations

from audio.clip import Clip
from audio.errors import AudioError
from audio.stretch import shifted
from midi.key import Key

MAX_SEMITONES = 12


def shift_to(found: Key, asked: Key) -> int:
    """The fewest semitones, -6..5, from the key found to the one asked for or its relative."""
    off = []
    for tonic in range(12):
        moved = Key(tonic, found.mode)
        same = tonic == asked.tonic and moved.is_minorish == asked.is_minorish
        if same or set(moved.pitch_classes) == set(asked.pitch_classes):
            off.append((tonic - found.tonic + 6) % 12 - 6)
    return min(off, key=abs) if off else 0


def transpose(clip: Clip, semitones: int) -> Clip:
    """The clip `semitones` higher, of the same length; raises AudioError beyond an octave."""
    if abs(semitones) > MAX_SEMITONES:
        raise AudioError(
            f"semitones must be from -{MAX_SEMITONES} to {MAX_SEMITONES}, not {semitones}"
        )
    return Clip(shifted(clip.samples, clip.sample_rate, semitones), clip.sample_rate)
