"""The line through the onsets: beats of a tempo that is steady, drifts or steps, but never jitters.

Beat times are fitted to onsets with least absolute deviations, and so is the change of a beat's
length from one to the next (l1 trend filtering: Kim, Koh, Boyd and Gorinevsky, SIAM Review 51,
2009). A steady tempo then comes out exactly steady, a step stays a step, one late snare moves
nothing. An onset is either prompt, as far as it is trusted, or late, or anywhere: where it lies
says which, and only the prompt ones hold the line. All is solved as weighted least squares, over
and over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from audio.hearing import Floats
from audio.onsets import Onsets

ROUNDS = 25
FREEDOM_COST = 1.0
HOLD = 1e-6  # where there are no onsets at all the pulses stay
# How a beat's length changes, which is seldom where the tempo is steady or steps; and how that
# changes, which is seldom where it drifts.
DIFFERENCES = ((1.0, -2.0, 1.0), (1.0, -3.0, 3.0, -1.0))
STIFFNESSES = (0.5, 2.0, 8.0, 32.0, 128.0, 1024.0)  # of the tempo against one onset
LEAST_TURN_SECONDS = 0.0002  # smaller ones cost what their square costs
LEAST_MISS_SECONDS = 0.002
WITHIN_SECONDS = 0.050  # of a place where an onset is due
MIN_TRUST, MOST_TRUST = 0.20, 0.98
SCATTER_SECONDS = 0.003  # of prompt onsets, on average: what players and their makers allow
WIDEST_SECONDS, NARROWER = 0.012, 0.85  # at first, for the line is not there yet; each round
LATE_SECONDS, SHARE_LATE = 0.015, 0.5  # how late the others are, and how many; the rest: anywhere
FIRST_WEIGHT = 4.0  # nothing in front holds the first downbeat, and everybody hears it
OFF_BEAT_WEIGHT = 0.5  # subdivisions may be swung: they tell the tempo, not the place
PLACES = {True: (0, 4, 8), False: (0, 3, 4, 6, 8, 9)}  # twelfths of a pulse, by ternary
FIRST_BIASED_ROUND, MIN_FOR_BIAS = 2, 3
MET_SECONDS = 0.025
FAR_SECONDS = 0.030  # a miss of more counts as this
HELD = 0.5  # trusted by more than this, an onset holds the line


@dataclass(frozen=True, slots=True, eq=False)
class BeatLine:
    """Seconds (n,) of each pulse, and what the onsets say of it.

    `miss_seconds` is how far trusted onsets scatter to both sides of it, and `share_met` of the
    pulses have one within 25 ms. `error_seconds` (n,) is how uncertain each pulse is, as one
    standard deviation, if the onsets scatter as those heard do. `hidden_seconds` is how far the
    line could be off where no onset holds it, if the tempo changes there as much as it does in all.
    """

    seconds: Floats
    miss_seconds: float
    share_met: float
    error_seconds: Floats
    hidden_seconds: float


def fit_line(
    pulses: Floats, expected: Floats, onsets: Onsets, trust: Floats, ternary: bool
) -> BeatLine:
    """Fit pulses (n,) in seconds, right within 50 ms, to the onsets on and between them.

    `trust` (onsets,) is the chance that each onset's moment is right. It is the distance to the
    `expected` pulses (n,) that is kept from jittering, so that a tempo map is followed for free.
    How stiff the tempo is, and whether it rather steps or drifts, is chosen by the Bayesian
    information criterion.
    """
    due = _Due.of(pulses, onsets, trust, ternary).less(expected)
    if not len(due.seconds):
        lost = np.full(len(pulses), WITHIN_SECONDS)
        return BeatLine(pulses, WITHIN_SECONDS, 0.0, lost, WITHIN_SECONDS)
    start = pulses - expected
    tried = [
        _fitted(start, due, np.array(difference), stiffness)
        for difference in DIFFERENCES
        for stiffness in STIFFNESSES
    ]
    best = min(tried, key=lambda each: each.criterion)
    return _judged(best, due, expected)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A line, the misses of the onsets due, its error, and the criterion, which is to be small.

    `prompt` is the chance of each onset to be one that holds the line.
    """

    line: Floats
    miss: Floats
    prompt: Floats
    error: Floats
    criterion: float


def _fitted(line: Floats, due: _Due, difference: Floats, stiffness: float) -> _Fit:
    miss, bias = due.misses(line), np.zeros(12)
    for number in range(ROUNDS):
        scatter = max(SCATTER_SECONDS, WIDEST_SECONDS * NARROWER**number)
        prompt = due.prompt(miss - bias[due.twelfth], scatter)[0]
        if number >= FIRST_BIASED_ROUND:
            bias = _biases(due.twelfth, miss, prompt)
        own = np.abs(miss - bias[due.twelfth])
        weight = due.weight * prompt / np.maximum(own, LEAST_MISS_SECONDS)
        system = _System.of(line, due, weight, difference, stiffness)
        line = system.solve(line, due, weight, due.seconds - bias[due.twelfth])
        miss = due.misses(line)
    own = miss - bias[due.twelfth]
    prompt, density = due.prompt(own, SCATTER_SECONDS)
    inverse = system.inverse()
    error = np.sqrt(SCATTER_SECONDS * np.diag(inverse))  # for misses spread as Laplace has it
    cost = FREEDOM_COST * _freedom(inverse, due, weight) * np.log(max(prompt.sum(), 2.0))
    return _Fit(line, own, prompt, error, cost - float(due.weight @ np.log(density)))


def _biases(twelfth: npt.NDArray[np.int64], miss: Floats, prompt: Floats) -> Floats:
    """How far the onsets at each twelfth but the beat itself lie off, which swing may have done."""
    bias = np.zeros(12)
    for each in set(twelfth.tolist()) - {0}:
        mine = np.flatnonzero(twelfth == each)
        if prompt[mine].sum() >= MIN_FOR_BIAS:
            mine = mine[np.argsort(miss[mine])]
            sums = np.cumsum(prompt[mine])
            bias[each] = miss[mine[int(np.searchsorted(sums, sums[-1] / 2))]]
    return bias


@dataclass(frozen=True, slots=True, eq=False)
class _Due:
    """Onsets that lie where one is due: each `part` of the way from pulse `index` to the next."""

    seconds: Floats
    weight: Floats
    index: npt.NDArray[np.int64]
    part: Floats
    twelfth: npt.NDArray[np.int64]
    trust: Floats

    @classmethod
    def of(cls, pulses: Floats, onsets: Onsets, trust: Floats, ternary: bool) -> _Due:
        counted = np.arange(len(pulses) + 1) - 1.0  # onsets may lie a little before the first
        led = np.concatenate([[2 * pulses[0] - pulses[1]], pulses])
        at = np.interp(onsets.seconds, led, counted, left=-1, right=-1)
        inside = np.flatnonzero((at > -1) & (trust > MIN_TRUST))
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
        weight = np.where(twelfth == 0, 1.0, OFF_BEAT_WEIGHT)
        weight = np.where(np.abs(place) < 1e-6, FIRST_WEIGHT, weight)
        believed = np.minimum(trust[inside], MOST_TRUST)
        return cls(onsets.seconds[inside], weight, index, place - index, twelfth, believed)

    def less(self, expected: Floats) -> _Due:
        """The same with seconds counted from where the expected pulses have them."""
        return replace(self, seconds=self.misses(expected))

    def misses(self, line: Floats) -> Floats:
        return np.asarray(
            self.seconds - line[self.index] * (1 - self.part) - line[self.index + 1] * self.part
        )

    def prompt(self, miss: Floats, scatter: float) -> tuple[Floats, Floats]:
        """The chance of each onset to be prompt where it misses by so much; the density there."""
        prompt = self.trust * np.exp(-np.abs(miss) / scatter) / (2 * scatter)
        late = np.where(miss > 0, np.exp(-np.maximum(miss, 0) / LATE_SECONDS) / LATE_SECONDS, 0)
        other = SHARE_LATE * late + (1 - SHARE_LATE) / (2 * WITHIN_SECONDS)
        density = prompt + (1 - self.trust) * other
        return prompt / density, density


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


def _judged(fit: _Fit, due: _Due, expected: Floats) -> BeatLine:
    miss = _scatter(fit, due)
    on = (due.twelfth == 0) & (np.abs(fit.miss) < MET_SECONDS)
    met = set((due.index[on] + np.rint(due.part[on])).astype(np.int64).tolist())
    seconds = fit.line + expected
    error = fit.error * max(1.0, miss / SCATTER_SECONDS)
    return BeatLine(seconds, miss, len(met) / len(seconds), error, _hidden(fit, due, expected))


def _scatter(fit: _Fit, due: _Due) -> float:
    """How far trusted onsets are early, or the geometric mean of that and of how far they are late.

    Nothing can be heard much before it begins: where many are early, they are prompt and the line
    follows others that are late. Where none is early the late ones do no harm. The larger, doubled.
    """
    weight = np.where(due.trust > HELD, due.trust * due.weight, 0.0)
    if not weight.any():
        return WITHIN_SECONDS
    miss = np.clip(fit.miss, -FAR_SECONDS, FAR_SECONDS)
    early, late = weight @ np.maximum(-miss, 0), weight @ np.maximum(miss, 0)
    return float(2 * np.sqrt(early * max(early, late)) / weight.sum())


def _hidden(fit: _Fit, due: _Due, expected: Floats) -> float:
    """What may hide between the onsets: the range of the tempo on the longest ways without any.

    A line between two held ends is off by at most an eighth of that, on the way to one end by half.
    """
    held = fit.prompt > HELD
    if not held.any():
        return WITHIN_SECONDS
    pulse = np.sort((due.index + due.part)[held])
    places = np.interp(pulse, np.arange(len(expected)), expected)
    rates = np.diff(fit.line) / np.diff(expected)
    inner = np.diff(places).max() if len(places) > 1 else 0.0
    outer = max(places[0] - expected[0], 0.0)
    return float(np.ptp(rates) * max(inner / 8, outer / 2))
