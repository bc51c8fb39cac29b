"""Beats that slip: the tempo is the same before and after, but half beats apart.

A tracker that loses the beat for some seconds finds it again on the off-beat, and no single beat
need be much longer than the others. A band that slows down and goes on at the old tempo comes back
anywhere; what comes back after exactly half beats was most likely lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from audio.features import Floats

STEADY_PULSES = 16  # on either side, and so many at most in between
MAX_PULSES_BETWEEN = 32
STEADY_SPREAD = 0.04  # of a pulse, from first to last of the steady pulses
NEAR = 0.06  # of a pulse to a whole number of half pulses


@dataclass(frozen=True, slots=True)
class Slip:
    """Around `seconds` the beats move against themselves by so many `pulses`, a half or more."""

    seconds: float
    pulses: float


def find_slip(seconds: Floats, expected: Floats) -> Slip | None:
    """Find where pulses (n,) slip against the pulses (n,) expected of a steady band."""
    if len(seconds) < 2 * STEADY_PULSES + 1:
        return None
    lag = STEADY_PULSES
    pace = float(np.median((seconds[lag:] - seconds[:-lag]) / (expected[lag:] - expected[:-lag])))
    pulse = pace * float(np.median(np.diff(expected)))
    off = (seconds - seconds[0] - pace * (expected - expected[0])) / pulse
    windows = np.lib.stride_tricks.sliding_window_view(off, STEADY_PULSES)
    steady = np.flatnonzero(np.ptp(windows, axis=1) < STEADY_SPREAD)
    levels = windows.mean(axis=1)
    for before, after in pairwise(steady.tolist()):
        if 1 < after - before <= STEADY_PULSES + MAX_PULSES_BETWEEN:
            apart = float(levels[after] - levels[before])
            halves = round(2 * apart)
            if halves and abs(apart - halves / 2) < NEAR:
                at = float(seconds[(before + after + STEADY_PULSES) // 2])
                return Slip(at, halves / 2)
    return None
