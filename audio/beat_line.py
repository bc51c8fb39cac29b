"""The line through the onsets: beats of a tempo that is steady, drifts or steps, but never jitters.

Beat times are fitted to onsets with least absolute deviations, and so is the change of a beat's
length from one to the next (l1 trend filtering: Kim, Koh, Boyd and Gorinevsky, SIAM Review 51,
2009). A steady tempo then comes out exactly steady, a step stays a step, one late snare moves
nothing. Both are solved as weighted least squares, over and over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from audio.hearing import Floats
from audio.onsets import Onsets

ROUNDS = 25
DIFFERENCE = (1.0, -2.0, 1.0)  # second difference: how a beat's length changes
ORDER = len(DIFFERENCE) - 1
STIFFNESS = 2.0  # of the tempo against one strong, sharp onset
LEAST_TURN_SECONDS = 0.0002  # smaller ones cost what their square costs
LEAST_MISS_SECONDS = 0.002
WITHIN_SECONDS = 0.050  # of a place where an onset is due
FAR_SECONDS = 0.040  # once fitted, an onset further off belongs to something else
FAR_WEIGHT = 0.05
SHARP_SECONDS = 0.010  # a rise no longer than this counts in full
FIRST_WEIGHT = 4.0  # nothing in front holds the first downbeat, and everybody hears it
OFF_BEAT_WEIGHT = 0.5  # subdivisions may be swung: they tell the tempo, not the place
PLACES = {True: (0, 4, 8), False: (0, 3, 4, 6, 8, 9)}  # twelfths of a pulse, by ternary
FIRST_BIASED_ROUND, MIN_FOR_BIAS = 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class BeatLine:
    """Seconds (n,) of each pulse, and what the onsets say of it.

    `miss_seconds` is the weighted median distance of the onsets on pulses from the line, and
    `share_met` of the pulses have one within 25 ms.
    """

    seconds: Floats
    miss_seconds: float
    share_met: float


MET_SECONDS = 0.025


def fit_line(pulses: Floats, expected: Floats, onsets: Onsets, ternary: bool) -> BeatLine:
    """Fit pulses (n,) in seconds, right within 50 ms, to the onsets on and between them.

    It is the distance to the `expected` pulses (n,) that is kept from jittering, so that a tempo
    map is followed for free.
    """
    due = _Due.of(pulses, onsets, ternary).less(expected)
    line = pulses - expected
    bias = np.zeros(12)
    miss = due.misses(line)
    for number in range(ROUNDS):
        if number >= FIRST_BIASED_ROUND:
            for twelfth in set(due.twelfth.tolist()) - {0}:
                mine = due.twelfth == twelfth
                bias[twelfth] = np.median(miss[mine]) if mine.sum() >= MIN_FOR_BIAS else 0
        own = np.abs(miss - bias[due.twelfth])
        weight = due.weight / np.maximum(own, LEAST_MISS_SECONDS)
        weight = np.where(own > FAR_SECONDS, FAR_WEIGHT * weight, weight)
        line = _solve(line, due, weight, due.seconds - bias[due.twelfth])
        miss = due.misses(line)
    return _judged(line + expected, due, miss)


@dataclass(frozen=True, slots=True, eq=False)
class _Due:
    """Onsets that lie where one is due: each `part` of the way from pulse `index` to the next."""

    seconds: Floats
    weight: Floats
    index: npt.NDArray[np.int64]
    part: Floats
    twelfth: npt.NDArray[np.int64]

    @classmethod
    def of(cls, pulses: Floats, onsets: Onsets, ternary: bool) -> _Due:
        counted = np.arange(len(pulses) + 1) - 1.0  # onsets may lie a little before the first
        led = np.concatenate([[2 * pulses[0] - pulses[1]], pulses])
        at = np.interp(onsets.seconds, led, counted, left=-1, right=-1)
        inside = np.flatnonzero(at > -1)
        at, whole = at[inside], np.floor(at[inside])
        places = np.array([*PLACES[ternary], 12]) / 12
        nearest = places[np.abs((at - whole)[:, None] - places).argmin(axis=1)]
        length = np.gradient(led)[whole.astype(np.int64) + 1]
        place = whole + nearest
        close = (np.abs(at - place) * length < WITHIN_SECONDS) & (place >= 0)
        close &= place <= len(pulses) - 1
        inside, place = inside[close], place[close]
        index = np.minimum(np.floor(place + 1e-9).astype(np.int64), len(pulses) - 2)
        twelfth = np.rint(place * 12).astype(np.int64) % 12
        sharpness = SHARP_SECONDS / np.maximum(onsets.rise_seconds[inside], SHARP_SECONDS)
        weight = onsets.strength[inside] ** 2 * sharpness**2
        weight = np.where(twelfth == 0, weight, OFF_BEAT_WEIGHT * weight)
        first = (np.abs(place) < 1e-6) & onsets.sharp[inside]
        weight = np.where(first, FIRST_WEIGHT * weight, weight)
        return cls(onsets.seconds[inside], weight, index, place - index, twelfth)

    def less(self, expected: Floats) -> _Due:
        """The same with seconds counted from where the expected pulses have them."""
        return replace(self, seconds=self.misses(expected))

    def misses(self, line: Floats) -> Floats:
        return np.asarray(
            self.seconds - line[self.index] * (1 - self.part) - line[self.index + 1] * self.part
        )


def _solve(line: Floats, due: _Due, weight: Floats, seconds: Floats) -> Floats:
    """Weighted least squares of the misses and of the second differences, which is banded."""
    count = len(line)
    band, right = np.zeros((len(DIFFERENCE), count)), np.zeros(count)
    near, far = weight * (1 - due.part), weight * due.part
    np.add.at(band[-1], due.index, near * (1 - due.part))
    np.add.at(band[-1], due.index + 1, far * due.part)
    np.add.at(band[-2], due.index + 1, near * due.part)
    np.add.at(right, due.index, near * seconds)
    np.add.at(right, due.index + 1, far * seconds)
    turn = np.abs(np.diff(line, ORDER))
    stiff = STIFFNESS / np.maximum(turn, LEAST_TURN_SECONDS)
    rows = len(stiff)
    for apart in range(len(DIFFERENCE)):
        for left in range(len(DIFFERENCE) - apart):
            both = DIFFERENCE[left] * DIFFERENCE[left + apart]
            band[-1 - apart, left + apart : left + apart + rows] += both * stiff
    hold = 1e-6  # where there are no onsets at all the pulses stay
    band[-1] += hold
    return np.asarray(solveh_banded(band, right + hold * line))


def _judged(line: Floats, due: _Due, miss: Floats) -> BeatLine:
    on = due.twelfth == 0
    if not on.any():
        return BeatLine(line, WITHIN_SECONDS, 0.0)
    order = np.argsort(np.abs(miss[on]))
    sums = np.cumsum(due.weight[on][order])
    middle = np.abs(miss[on])[order][int(np.searchsorted(sums, sums[-1] / 2))]
    pulses = (due.index[on] + np.rint(due.part[on])).astype(np.int64)
    met = set(pulses[np.abs(miss[on]) < MET_SECONDS].tolist())
    return BeatLine(line, float(middle), len(met) / len(line))
