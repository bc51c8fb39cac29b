"""The prior of a tempo, before any onset is found: that it is steady, wanders or drifts.

A Gaussian prior over the seconds of all pulses, given by how the differences of some order between
them spread (small second differences: the tempo changes little from pulse to pulse; small third
ones: it changes evenly). Its precision is a symmetric band matrix, so that all that is done with it
grows with the number of pulses only.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from audio.features import Floats

OFFSET_SECONDS = 0.050  # where the first pulse is, against a straight line through the path
TEMPO_SPREAD = 0.03  # relative, of the first tempo against that line's
SLOPE_SPREAD = 0.01  # relative, of how the tempo changes first, a second
RIGID_SECONDS = 1e-6  # a difference that spreads by so little does not move


@dataclass(frozen=True, slots=True, eq=False)
class TempoPrior:
    """The precision of pulses (n,) in seconds as an upper band (order + 1, n), and its log det."""

    band: Floats
    log_determinant: float

    @classmethod
    def of(cls, count: int, pulse_seconds: float, spreads: Floats, order: int) -> TempoPrior:
        """Differences of an `order` of 2 or 3, (count - order,), that spread by so much."""
        first = (OFFSET_SECONDS, TEMPO_SPREAD * pulse_seconds, SLOPE_SPREAD * pulse_seconds**2)
        band, logs = np.zeros((order + 1, count)), 0.0
        for lower in range(order):
            _add(band, lower, np.array([first[lower] ** -2]))
            logs -= 2 * log(first[lower])
        spreads = np.maximum(spreads, RIGID_SECONDS)
        _add(band, order, spreads**-2)
        return cls(band, logs - 2 * float(np.log(spreads).sum()))

    def surprise(self, pulses: Floats) -> float:
        """Half the squared distance of pulses (n,) from what is expected."""
        whole = self.band[-1] @ pulses**2
        for apart in range(1, len(self.band)):
            whole += 2 * self.band[-1 - apart, apart:] @ (pulses[apart:] * pulses[:-apart])
        return float(whole / 2)


def _add(band: Floats, order: int, precisions: Floats) -> None:
    """Add the squares of the first differences of an order, times their precisions."""
    difference = np.array([1.0])
    for _ in range(order):
        difference = np.convolve(difference, [1.0, -1.0])
    for apart in range(order + 1):
        for left in range(order + 1 - apart):
            both = difference[left] * difference[left + apart]
            first = left + apart
            band[-1 - apart, first : first + len(precisions)] += both * precisions
