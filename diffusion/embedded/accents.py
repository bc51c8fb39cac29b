"""How hard each note is struck: by the bar's intensity, its place in the bar, and a little chance.

The network's velocities are the mean of what it learnt from, the same for every note of a part. So
the accents are a rule: what drummers do, as ratios to each drum's mean at each kind of place,
counted in the Groove MIDI Dataset's training performances in 4/4 (training.groove_accents), and a
gentler one for the other parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from diffusion.embedded.performance import DRUMS, Part, Performance, Played
from midi.grid import Grid

SOFT, LOUD = 0.38, 0.9  # velocities at intensity 0 and 1
SOFTEST, HARDEST = 0.22, 1.0
CHANCE = 0.06  # standard deviation of the share that is left to chance
USUAL = 0.69  # the velocity that the network gives where it says nothing
NEAR_BEATS = 1 / 16
# By place: the bar's first beat, other beats, beats between them (2 and 4), eighths, sixteenths.
PLACES = ("first", "beat", "back", "eighth", "sixteenth")
_HAT, _HIT = (1.06, 1.05, 1.16, 0.95, 0.87), (1.07, 1.03, 1.08, 0.99, 0.95)
ACCENTS: Mapping[str, Sequence[float]] = {
    "kick": (1.15, 1.05, 1.03, 0.98, 0.87), "snare": (0.9, 0.99, 1.25, 1.01, 0.85),
    "closed_hat": _HAT, "shaker": _HAT, "ride": (1.11, 1.03, 1.16, 0.94, 0.86),
}  # fmt: skip
_PITCHED = (1.06, 1.02, 1.0, 0.97, 0.95)
_PIECES = {pitch: piece for piece, pitch in DRUMS.items()}


def accented(
    performance: Performance,
    intensity: Sequence[float],
    grid: Grid,
    seed: int,
    force: float = 1.0,
) -> Performance:
    """Return `performance` struck as the `intensity` (0..1 a bar) and the place of each note ask.

    `force` is a mood's, on all of them. Equal arguments give equal velocities.
    """
    starts = np.array([float(beat) for beat in grid.bar_starts])
    levels = [force * _level(each) for each in intensity]
    parts = {}
    for number, (name, part) in enumerate(performance.parts.items()):
        draw = np.random.default_rng([seed, 2, number])
        parts[name] = _accented(name, part, levels, grid, starts, draw)
    return Performance(performance.beats, parts)


def _accented(
    name: str,
    part: Part,
    levels: Sequence[float],
    grid: Grid,
    starts: np.ndarray,
    draw: np.random.Generator,
) -> Part:
    notes: list[Played] = []
    chances: dict[float, float] = {}  # notes struck together are one stroke of the hand
    for note in part.notes:
        at = note.start_beats + NEAR_BEATS
        bar = min(max(int(np.searchsorted(starts, at, side="right")) - 1, 0), len(starts) - 2)
        place = place_of(note.start_beats - starts[bar], grid, bar)
        accents = ACCENTS.get(_PIECES.get(note.pitch, ""), _HIT) if name == "drums" else _PITCHED
        if note.start_beats not in chances:
            chances[note.start_beats] = float(draw.normal(1.0, CHANCE))
        velocity = levels[bar] * accents[place] * chances[note.start_beats] * note.velocity / USUAL
        notes.append(replace(note, velocity=float(np.clip(velocity, SOFTEST, HARDEST))))
    return replace(part, notes=tuple(notes))


def forced(notes: Sequence[Played], force: float) -> tuple[Played, ...]:
    """Return `notes` struck `force` times as hard, as far as that can be."""
    return tuple(
        replace(note, velocity=min(HARDEST, max(SOFTEST, note.velocity * force))) for note in notes
    )


def _level(intensity: float) -> float:
    return SOFT + (LOUD - SOFT) * intensity


def place_of(beats: float, grid: Grid, bar: int) -> int:
    """The index in PLACES of a note so many quarters after its bar began."""
    meter = grid.meter_at_bar(bar)
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0
    unit = 1.5 if compound else 4 / meter.denominator
    if abs(beats) <= NEAR_BEATS:
        return 0
    count = round(beats / unit)
    if abs(beats - count * unit) <= NEAR_BEATS:
        return 2 if count % 2 and meter.numerator % 2 == 0 and not compound else 1
    eighth = round(beats * 2) / 2
    return 3 if abs(beats - eighth) <= NEAR_BEATS else 4
