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
FREEDOM_COST = 0.8
HOLD = 1e-6  # where there are no onsets at all the pulses stay
LEAST_SCALE_SECONDS = 0.0003
# How a beat's length changes, which is seldom where the tempo is steady or steps; and how that
# changes, which is seldom where it drifts.
DIFFERENCES = ((1.0, -2.0, 1.0), (1.0, -3.0, 3.0, -1.0))
STIFFNESSES = (0.5, 2.0, 8.0, 32.0, 128.0)  # of the tempo against one usual onset
LEAST_TURN_SECONDS = 0.0002  # smaller ones cost what their square costs
LEAST_MISS_SECONDS = 0.002
WITHIN_SECONDS = 0.050  # of a place where an onset is due
FAR_SECONDS = 0.040  # once fitted, an onset further off belongs to something else
FAR_WEIGHT = 0.05
SHARP_SECONDS, SHARP_POWER = 0.016, 8  # an onset that rises for longer soon counts for nothing
FIRST_WEIGHT = 4.0  # nothing in front holds the first downbeat, and everybody hears it
OFF_BEAT_WEIGHT = 0.5  # subdivisions may be swung: they tell the tempo, not the place
PLACES = {True: (0, 4, 8), False: (0, 3, 4, 6, 8, 9)}  # twelfths of a pulse, by ternary
FIRST_BIASED_ROUND, MIN_FOR_BIAS = 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class BeatLine:
    """Seconds (n,) of each pulse, and what the onsets say of it.

    `miss_seconds` is the weighted median distance of the onsets on pulses from the line, and
    `share_met` of the pulses have one within 25 ms. `error_seconds` (n,) is how uncertain each
    pulse is, as one standard deviation, if the onsets scatter as those heard do.
    """

    seconds: Floats
    miss_seconds: float
    share_met: float
    error_seconds: Floats


MET_SECONDS = 0.025


def fit_line(pulses: Floats, expected: Floats, onsets: Onsets, ternary: bool) -> BeatLine:
    """Fit pulses (n,) in seconds, right within 50 ms, to the onsets on and between them.

    It is the distance to the `expected` pulses (n,) that is kept from jittering, so that a tempo
    map is followed for free. How stiff the tempo is, and whether it rather steps or drifts, is
    chosen by the Bayesian information criterion.
    """
    due = _Due.of(pulses, onsets, ternary).less(expected)
    if not len(due.seconds):
        return BeatLine(pulses, WITHIN_SECONDS, 0.0, np.full(len(pulses), WITHIN_SECONDS))
    start = pulses - expected
    tried = [
        _fitted(start, due, np.array(difference), stiffness)
        for difference in DIFFERENCES
        for stiffness in STIFFNESSES
    ]
    line, miss, error, _ = min(tried, key=lambda each: each[-1])
    return _judged(line + expected, due, miss, error)


def _fitted(
    line: Floats, due: _Due, difference: Floats, stiffness: float
) -> tuple[Floats, Floats, Floats, float]:
    """A line of that stiffness, its misses and errors, and the criterion, which is to be small."""
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
        system = _System.of(line, due, weight, difference, stiffness)
        line = system.solve(line, due, weight, due.seconds - bias[due.twelfth])
        miss = due.misses(line)
    own = np.minimum(np.abs(miss - bias[due.twelfth]), FAR_SECONDS)
    count = due.weight.sum() ** 2 / (due.weight**2).sum()
    scale = max(float(due.weight @ own / due.weight.sum()), LEAST_SCALE_SECONDS)
    inverse = system.inverse()
    error = np.sqrt(scale * np.diag(inverse))  # for misses that are spread as Laplace has it
    freedom = _freedom(inverse, due, weight)
    return line, miss, error, count * np.log(scale) + FREEDOM_COST * freedom * np.log(count)


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
        sharpness = 1 / (1 + (onsets.rise_seconds[inside] / SHARP_SECONDS) ** SHARP_POWER)
        weight = onsets.strength[inside] ** 2 * sharpness
        if len(weight):
            weight = weight * (len(weight) / max(weight.sum(), 1e-9))
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


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """Weighted least squares of the misses and of the differences, as a symmetric band matrix."""

    band: Floats

    @classmethod
    def of(
        cls, line: Floats, due: _Due, weight: Floats, difference: Floats, stiffness: float
    ) -> _System:
        order = len(difference) - 1
        band = np.zeros((order + 1, len(line)))
        near, far = weight * (1 - due.part), weight * due.part
        np.add.at(band[-1], due.index, near * (1 - due.part))
        np.add.at(band[-1], due.index + 1, far * due.part)
        np.add.at(band[-2], due.index + 1, near * due.part)
        turn = np.abs(np.convolve(line, difference[::-1], "valid"))
        stiff = stiffness / np.maximum(turn, LEAST_TURN_SECONDS)
        for apart in range(order + 1):
            for left in range(order + 1 - apart):
                both = difference[left] * difference[left + apart]
                band[-1 - apart, left + apart : left + apart + len(stiff)] += both * stiff
        band[-1] += HOLD
        return cls(band)

    def solve(self, line: Floats, due: _Due, weight: Floats, seconds: Floats) -> Floats:
        right = HOLD * line
        np.add.at(right, due.index, weight * (1 - due.part) * seconds)
        np.add.at(right, due.index + 1, weight * due.part * seconds)
        return np.asarray(solveh_banded(self.band, right))

    def inverse(self) -> Floats:
        return np.asarray(solveh_banded(self.band, np.eye(self.band.shape[1])))


def _freedom(inverse: Floats, due: _Due, weight: Floats) -> float:
    """How many numbers a line is worth: the trace of the matrix from onsets to line."""
    near, far = 1 - due.part, due.part
    i, j = due.index, due.index + 1
    return float(weight @ (
        near**2 * inverse[i, i] + 2 * near * far * inverse[i, j] + far**2 * inverse[j, j]
    ))  # fmt: skip


def _judged(line: Floats, due: _Due, miss: Floats, error: Floats) -> BeatLine:
    on = due.twelfth == 0
    if not on.any():
        return BeatLine(line, WITHIN_SECONDS, 0.0, error)
    order = np.argsort(np.abs(miss[on]))
    sums = np.cumsum(due.weight[on][order])
    middle = np.abs(miss[on])[order][int(np.searchsorted(sums, sums[-1] / 2))]
    pulses = (due.index[on] + np.rint(due.part[on])).astype(np.int64)
    met = set(pulses[np.abs(miss[on]) < MET_SECONDS].tolist())
    return BeatLine(line, float(middle), len(met) / len(line), error)
