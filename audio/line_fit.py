"""The likeliest line of beats under one prior of the tempo, and how probable it makes the onsets.

Expectation-maximisation: the onsets are believed by the line, the line is fitted to them, over and
over. The evidence is Laplace's approximation (MacKay, "Bayesian Interpolation", Neural Computation
4, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.special import softmax

from audio import line_settings as settings
from audio.due_onsets import DueOnsets
from audio.features import Floats

OFFSET_SECONDS = 0.050  # where the first pulse is, against a straight line through the path
TEMPO_SPREAD = 0.03  # relative, of the first tempo against that line's
SLOPE_SPREAD = 0.01  # relative, of how the tempo changes first, a second
RIGID_SECONDS = 1e-6  # a difference that spreads by so little does not move


@dataclass(frozen=True, slots=True, eq=False)
class TempoPrior:
    """What a tempo does before any onset is found: it is steady, wanders or drifts.

    A Gaussian prior over the seconds of pulses (n,), given by how the differences of some order
    between them spread (small second differences: the tempo changes little from pulse to pulse;
    small third ones: it changes evenly). Its precision is a symmetric matrix of few bands, here
    the upper ones (order + 1, n), so that all that is done with it grows with n only.
    """

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


@dataclass(frozen=True, slots=True, eq=False)
class LineFit:
    """The likeliest line under a prior, and the log evidence of that, up to a constant.

    `factor` is Cholesky's of the precision around it; `miss` (onsets,) how far onsets lie off,
    `bias` (12,) taken from them, if any; `weight` and `pulled` (onsets,) how firmly each holds the
    line, and where.
    """

    line: Floats
    evidence: float
    factor: Floats
    miss: Floats
    bias: Floats | None
    weight: Floats
    pulled: Floats

    def variance(self) -> Floats:
        """Return the variance of each time of the line, in seconds squared."""
        whole = cho_solve_banded((self.factor, False), np.eye(len(self.line)))
        return np.asarray(np.diag(whole))


def fit_prior(
    due: DueOnsets,
    prior: TempoPrior,
    line: Floats,
    bias: Floats | None,
    *,
    first_round: int,
    rounds: int,
) -> LineFit:
    """Fit a line (pulses,) that starts as `line`, in rounds that count from `first_round` on.

    `bias` (12,) is how far the parts of a beat lie off to begin with; None where they may not.
    """
    free, bias = bias is not None, np.zeros(12) if bias is None else bias
    for number in range(first_round, first_round + rounds):
        miss = due.misses(line)
        wider_seconds = settings.WIDER_SECONDS * settings.NARROWER**number
        belief = due.believe(miss - bias[due.twelfth], wider_seconds)
        if free and number >= settings.FIRST_BIASED_ROUND:
            bias = due.biases(miss, belief.on_time)
            belief = due.believe(miss - bias[due.twelfth], wider_seconds)
        factor = _factor(prior, due, belief.weight)
        pulled = due.seconds - bias[due.twelfth] - belief.lateness
        pull = _spread(due, belief.weight * pulled, len(line))
        line = np.asarray(cho_solve_banded((factor, False), pull))
    miss = due.misses(line) - bias[due.twelfth]
    belief = due.believe(miss, 0.0)
    factor = _factor(prior, due, belief.weight)
    evidence = float(due.weight @ belief.density) - prior.surprise(line)
    evidence += prior.log_determinant / 2 - float(np.log(factor[-1]).sum())
    evidence += settings.LOG_BIAS * np.count_nonzero(bias)
    pulled = due.seconds - bias[due.twelfth] - belief.lateness
    return LineFit(line, evidence, factor, miss, bias if free else None, belief.weight, pulled)


def likely_steps(due: DueOnsets, fit: LineFit, pulse_seconds: float) -> list[tuple[int, float]]:
    """Pulses where the tempo is likeliest to step, if once; the log chance of each and those near.

    By least squares with onsets weighed as in a fit: its line's place, its tempo, and the step.
    """
    count, from_ends = len(fit.line), settings.STEP_FROM_ENDS
    if count < 2 * from_ends + 3:
        return []
    order = np.argsort(due.places, kind="stable")
    places, weight = due.places[order], fit.weight[order]
    pull = weight * fit.pulled[order]
    sums = np.array([weight, weight * places, weight * places**2, pull, pull * places])
    behind = np.cumsum(np.pad(sums, ((0, 0), (0, 1)))[:, ::-1], axis=1)[:, ::-1]
    at = np.arange(1, count - 1)
    (w, wp, wpp, y, yp), whole = behind[:, np.searchsorted(places, at)], behind[:, 0]
    spreads = (OFFSET_SECONDS, TEMPO_SPREAD * pulse_seconds, settings.STEP * pulse_seconds)
    precision = np.tile(np.diag(np.array(spreads) ** -2), (len(at), 1, 1))
    precision[:, :2, :2] += whole[[[0, 1], [1, 2]]]
    precision[:, 2, 0] = precision[:, 0, 2] = wp - at * w
    precision[:, 2, 1] = precision[:, 1, 2] = wpp - at * wp
    precision[:, 2, 2] += wpp - 2 * at * wp + at**2 * w
    pull = np.stack([np.full(len(at), whole[3]), np.full(len(at), whole[4]), yp - at * y], axis=1)
    found = np.linalg.solve(precision, pull[..., None])[..., 0]
    scores = (pull * found).sum(axis=1) / 2 - np.linalg.slogdet(precision)[1] / 2
    scores[:from_ends] = scores[-from_ends:] = -np.inf
    chances = softmax(scores)
    picked: list[int] = []
    for place in np.argsort(-chances).tolist():
        if len(picked) == settings.STEPS_TRIED or chances[place] < settings.LEAST_STEP_CHANCE:
            break
        if all(abs(place - other) > 1 for other in picked):
            picked.append(place)
    nearest = np.abs(np.arange(len(at))[:, None] - picked).argmin(axis=1)
    logs = np.log(np.bincount(nearest, chances) / chances[picked] / len(at))
    return list(zip(picked, logs.tolist(), strict=True))


def _factor(prior: TempoPrior, due: DueOnsets, weight: Floats) -> Floats:
    band, count = prior.band.copy(), prior.band.shape[1]
    near, far = weight * (1 - due.part), weight * due.part
    band[-1] += np.bincount(due.index, near * (1 - due.part), count)
    band[-1] += np.bincount(due.index + 1, far * due.part, count)
    band[-2] += np.bincount(due.index + 1, near * due.part, count)
    return np.asarray(cholesky_banded(band))


def _spread(due: DueOnsets, values: Floats, count: int) -> Floats:
    """Values of onsets laid upon the pulses (count,) around each."""
    near = np.bincount(due.index, values * (1 - due.part), count)
    return np.asarray(near + np.bincount(due.index + 1, values * due.part, count))


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
