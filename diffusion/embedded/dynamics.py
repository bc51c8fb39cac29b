"""How generated notes follow an intensity curve: their velocity, and which are left out.

A fixed rule between the network, which gets the curve as well, and the decoder: stems still add up
and MIDI files match the sound. At intensity 1 notes are as generated. Below, since the decoder's
level falls by 40 dB for a tenth of the velocity, each tenth of intensity takes 2 dB off; and drums,
bass and chords leave out the notes that matter least (docs/guide/engines.md).
Lead and vocals keep all notes: a melody without some of them is another melody. A melody of the
user's is not changed at all.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from diffusion.embedded.performance import Part, Performance, Played
from midi.curve import Curve
from midi.grid import Grid

RANGE_DB = 20.0
DB_A_DECADE = 40.0  # what ten times the velocity is to the decoder
SOFTEST = 1 / 127
THINNED = ("drums", "bass", "comp")
NEAR_BEATS = 1 / 16  # as people play, a note lies a little beside its place
OFF_THE_EIGHTHS, OFF_THE_BEATS, OFF_THE_BAR = 0.5, 0.35, 0.2


def follow(performance: Performance, curve: Curve, grid: Grid) -> Performance:
    """Return `performance` as loud and as dense as `curve` asks."""
    parts = {name: _follow(name, part, curve, grid) for name, part in performance.parts.items()}
    return Performance(performance.beats, parts)


def _follow(name: str, part: Part, curve: Curve, grid: Grid) -> Part:
    notes = []
    for note in part.notes:
        intensity = curve.at(note.start_beats)
        if name in THINNED and intensity < _needed(note, grid):
            continue
        softer = note.velocity * 10 ** ((intensity - 1) * RANGE_DB / DB_A_DECADE)
        notes.append(replace(note, velocity=max(softer, SOFTEST)))
    return replace(part, notes=tuple(notes))


def _needed(note: Played, grid: Grid) -> float:
    """The intensity under which a note is left out, by its place in the bar."""
    early = Fraction(note.start_beats) + Fraction(NEAR_BEATS)  # its bar may be about to begin
    bar = grid.bar_at(early)
    place = note.start_beats - float(grid.bar_starts[bar])
    meter = grid.meter_at_bar(bar)
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0
    if abs(place) <= NEAR_BEATS:
        return 0.0
    if _is_on(place, 1.5 if compound else 1.0):
        return OFF_THE_BAR
    return OFF_THE_BEATS if _is_on(place, 0.5) else OFF_THE_EIGHTHS


def _is_on(place: float, unit: float) -> bool:
    return abs(place - unit * round(place / unit)) <= NEAR_BEATS
