"""The planned chords, whole: what the network leaves out of them is added to the chords' part.

The network follows the chords in which pitches it plays, but may play one note of a chord or none
for bars. A user who gave chords misses them there, so the plan wins: a chord that nothing strikes
is held, and one of too few notes is filled up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from diffusion.embedded.accents import USUAL
from diffusion.embedded.intent import Harmony
from diffusion.embedded.performance import RANGES, Performance, Played

FEWEST = 3  # pitch classes that make a chord known, of those that it has
MOST_ADDED = 4  # notes of a chord that is held
RELEASED_BEATS = 1 / 12  # before the next chord
EARLY_BEATS = 1 / 8  # a note so little before a chord is its first
SHARE = 0.25  # of a chord's time that a note has to sound in it to count as heard


def with_planned_chords(performance: Performance, harmony: Sequence[Harmony] | None) -> Performance:
    """Return `performance` whose part of chords plays each chord that begins in `harmony`."""
    chords = [each for each in harmony or () if each.struck and each.pitch_classes]
    part = performance.parts.get("comp")
    if part is None or not chords:
        return performance
    middle = _middle(part.notes)
    added = [note for chord in chords for note in _missing(chord, part.notes, middle)]
    notes = sorted((*part.notes, *added), key=lambda note: (note.start_beats, note.pitch))
    parts = dict(performance.parts) | {"comp": replace(part, notes=tuple(notes))}
    return Performance(performance.beats, parts)


def _middle(notes: Sequence[Played]) -> float:
    """Return the pitch around which the part plays, the middle of its range where it does not."""
    return float(np.median([note.pitch for note in notes] or RANGES["comp"]))


def _missing(chord: Harmony, notes: Sequence[Played], middle: float) -> list[Played]:
    begin, end = chord.start_beats, chord.start_beats + chord.length_beats
    least = SHARE * chord.length_beats
    sounding = [
        note for note in notes
        if min(note.start_beats + note.length_beats, end) - max(note.start_beats, begin) > 0
    ]  # fmt: skip
    struck = [note for note in sounding if note.start_beats >= begin - EARLY_BEATS]
    classes = {note.pitch % 12 for note in sounding}
    wanted = list(chord.pitch_classes)
    if len(classes & set(wanted)) >= min(FEWEST, len(wanted)):
        return []
    if struck:
        first = min(struck, key=lambda note: note.start_beats)
        start, velocity = first.start_beats, first.velocity
        length = max(first.length_beats, min(least, end - start))
    else:
        start, velocity = begin, USUAL
        length = max(chord.length_beats - RELEASED_BEATS, chord.length_beats / 2)
    left = [each for each in wanted if each not in classes][:MOST_ADDED]
    return [Played(start, length, pitch, velocity) for pitch in _voiced(left, middle)]


def _voiced(classes: Iterable[int], middle: float) -> list[int]:
    """Return for each pitch class its pitch next to `middle`, inside the range of the part."""
    low, high = RANGES["comp"]
    return [
        min(range(low + (each - low) % 12, high + 1, 12), key=lambda pitch: abs(pitch - middle))
        for each in classes
    ]
