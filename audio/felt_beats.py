"""Beats as a listener feels them, by the meters of a grid."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from audio.features import Floats
from midi.grid import Grid, Meter

KNOTS_PER_BEAT = 16


def felt_step(meter: Meter) -> Fraction:
    """Quarters from one felt beat to the next: dotted in 3/8, 6/8, 9/8 and 12/8."""
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0
    return Fraction(12, meter.denominator) if compound else Fraction(1)


def felt_beats(grid: Grid) -> list[Fraction]:
    """Where a listener taps, in grid beats.

    In each bar they count from the downbeat, so 7/8 has 0, 1, 2, 3 and then the next bar.
    """
    beats: list[Fraction] = []
    for bar in range(grid.bars):
        start, end = grid.bar_starts[bar], grid.bar_starts[bar + 1]
        step = felt_step(grid.meter_at_bar(bar))
        while start < end:
            beats.append(start)
            start += step
    return beats


def pulse_of(grid: Grid) -> tuple[Fraction, int]:
    """Quarters from pulse to pulse, all bars being whole numbers of them; the parts of a pulse."""
    meters = {grid.meter_at_bar(bar) for bar in range(grid.bars)}
    felt = {felt_step(meter) for meter in meters}
    step = felt.pop()
    if not felt and all((meter.beats / step).denominator == 1 for meter in meters):
        return step, 3 if step.numerator % 3 == 0 else 4
    lengths = [meter.beats for meter in meters] + [Fraction(1)]
    unit = Fraction(
        gcd(*(length.numerator for length in lengths)),
        lcm(*(length.denominator for length in lengths)),
    )
    return unit, 4 if unit == 1 else 2 if unit == Fraction(1, 2) else 1


def to_beats(seconds: Floats, grid: Grid) -> Floats:
    """Map times to grid beats, straight between knots a sixteenth of a beat apart."""
    first, last = float(grid.beat_at(seconds[0])), float(grid.beat_at(seconds[-1]))
    count = 2 if len(grid.tempo) == 1 else int((last - first) * KNOTS_PER_BEAT) + 2
    knots = np.linspace(first, last, count)
    times = np.array([float(grid.seconds_at(beat)) for beat in knots])
    return np.interp(seconds, times, knots)
