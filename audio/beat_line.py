"""The line through the onsets: beats of a tempo that is steady, steps, drifts or wanders.

Each of these is a Gaussian prior over the beats (audio/tempo_prior.py); with the onsets due
(audio/due_onsets.py) each gives a line, how uncertain every beat of it is, and its evidence: how
probable the onsets are if the tempo behaves so (Laplace's approximation; MacKay, "Bayesian
Interpolation", Neural Computation 4, 1992). The line is their mean, weighted by evidence, so that
a step that could lie at several beats makes those between them uncertain. A steady tempo comes out
exactly steady, one late snare moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from audio.due_onsets import WITHIN_SECONDS, DueOnsets
from audio.hearing import Floats
from audio.note_starts import NoteStarts
from audio.tempo_prior import OFFSET_SECONDS, TEMPO_SPREAD, TempoPrior

# How much a tempo that wanders changes, relative, in a second; and how much the slope of one that
# drifts does. The logs of how likely each behaviour is beforehand, against a steady tempo.
WANDERING, DRIFTING = (0.0005, 0.002), (0.0005, 0.0015, 0.005)
STEP_SPREAD = 0.02  # relative
LOG_STEP, LOG_WANDERING, LOG_DRIFTING = -2.0, -4.0, -3.0
LOG_BIAS = -0.5  # of each part of a beat that lies off
STEPS_TRIED = 4  # of the places where a step could be, the likeliest, and none beside another
LEAST_STEP = 1e-9
FROM_ENDS = 4  # pulses before a step and after it, or one note at an end would make one
FIRST_ROUNDS, ROUNDS = 12, 8
FIRST_WANDERING = 0.01
WIDER_SECONDS, NARROWER = 0.012, 0.8  # at first, for the line is not there yet; each round
STEADY_FROM, FROM = 3, 6  # at which of these rounds the others begin
FIRST_BIASED_ROUND = 2
MIN_DUE = 4
ALONE = 0.9  # a behaviour that is likelier stands alone, and a steady tempo is exactly steady
NEGLIGIBLE = 1e-3
MET_SECONDS = 0.025
FAR_SECONDS = 0.030  # a miss of more counts as this
TRUSTED = 0.5  # an onset on time with more than this chance counts where the line is judged
COMMON_SECONDS = 0.001  # what all onsets of a recording may be heard early or late by, as one
FEW_HELD = 2.0  # so few trusted onsets say little of how all scatter
USUAL_MISS_SECONDS = 0.003  # what the onsets' spread allows; a larger miss widens all errors


@dataclass(frozen=True, slots=True, eq=False)
class BeatLine:
    """Seconds (n,) of each pulse, and what the onsets say of it.

    `miss_seconds` is how far trusted onsets scatter to both sides of it, and `share_met` of the
    pulses have one within 25 ms. `error_seconds` (n,) is how uncertain each pulse is, as one
    standard deviation: by how the onsets spread, where few hold it, and where the tempo could
    have changed unheard; wider where trusted onsets scatter by more than they should.
    """

    seconds: Floats
    miss_seconds: float
    share_met: float
    error_seconds: Floats


def fit_line(pulses: Floats, expected: Floats, starts: NoteStarts, ternary: bool) -> BeatLine:
    """Fit pulses (n,) in seconds, right within 50 ms, to the notes that start on and between them.

    It is the distance to the `expected` pulses (n,) whose tempo is kept from jittering, so that a
    tempo map is followed for free.
    """
    due = DueOnsets.of(pulses, starts, ternary)
    if len(due.seconds) < MIN_DUE:
        return BeatLine(pulses, WITHIN_SECONDS, 0.0, np.full(len(pulses), WITHIN_SECONDS))
    counted = np.arange(len(pulses))
    straight = expected + np.polyval(np.polyfit(counted, pulses - expected, 1), counted)
    due = due.less(straight)
    pulse_seconds = float(np.median(np.diff(expected)))
    fits = [
        fit
        for biased in (False, True)
        for fit in _fits(due, pulses - straight, pulse_seconds, biased)
    ]
    evidence = np.array([fit.evidence for fit in fits])
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    best = fits[int(weights.argmax())]
    mean = weights @ np.array([fit.line for fit in fits])
    line = best.line if weights.max() > ALONE else mean
    variance = sum(
        weight * (fit.variance() + (fit.line - line) ** 2)
        for weight, fit in zip(weights, fits, strict=True)
        if weight > NEGLIGIBLE
    )
    miss, held = _scatter(best.miss, due)
    met = due.places[(due.twelfth == 0) & (np.abs(best.miss) < MET_SECONDS)]
    share_met = len(np.unique(np.rint(met))) / len(pulses)
    error = np.sqrt(variance + COMMON_SECONDS**2) * max(1.0, miss / USUAL_MISS_SECONDS)
    error *= np.sqrt(1 + FEW_HELD / max(held, 0.1))
    return BeatLine(straight + line, miss, share_met, error)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
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
        whole = cho_solve_banded((self.factor, False), np.eye(len(self.line)))
        return np.asarray(np.diag(whole))

    def likelier(self, by: float) -> _Fit:
        """The same with that much added to its evidence."""
        return replace(self, evidence=self.evidence + by)


def _fits(due: DueOnsets, start: Floats, pulse_seconds: float, biased: bool) -> list[_Fit]:
    """All behaviours of the tempo, with their evidence; where parts of a beat are biased, or not.

    Biased parts are swung, or played early or late; few beats and many parts could not tell that
    from a tempo that changes.
    """
    count = len(start)

    def prior(spread: float, order: int) -> TempoPrior:
        return TempoPrior.of(count, pulse_seconds, np.full(count - order, spread), order)

    wandering, drifting = pulse_seconds**1.5, pulse_seconds**2.5
    bias = np.zeros(12) if biased else None
    first = _fit(due, prior(FIRST_WANDERING * wandering, 2), start, bias, 0, FIRST_ROUNDS)
    fits = [_fit(due, prior(0.0, 2), first.line, first.bias, STEADY_FROM)]
    for spread in WANDERING:
        fit = _fit(due, prior(spread * wandering, 2), first.line, first.bias, FROM)
        fits.append(fit.likelier(LOG_WANDERING))
    for spread in DRIFTING:
        fit = _fit(due, prior(spread * drifting, 3), first.line, first.bias, FROM)
        fits.append(fit.likelier(LOG_DRIFTING))
    best = max(fits, key=lambda fit: fit.evidence)
    for place, log_chance in _likely_steps(due, best, pulse_seconds, count):
        spreads = np.zeros(count - 2)
        spreads[place] = STEP_SPREAD * pulse_seconds
        step = TempoPrior.of(count, pulse_seconds, spreads, 2)
        fit = _fit(due, step, best.line, best.bias, FROM)
        fits.append(fit.likelier(LOG_STEP + log_chance))
    return fits


def _fit(
    due: DueOnsets,
    prior: TempoPrior,
    line: Floats,
    bias: Floats | None,
    first_round: int,
    rounds: int = ROUNDS,
) -> _Fit:
    """Believe the onsets by the line, fit the line to them, over and over.

    `bias` (12,) of the parts of a beat is that to begin with; None where there is to be none.
    """
    free, bias = bias is not None, np.zeros(12) if bias is None else bias
    for number in range(first_round, first_round + rounds):
        miss, wider = due.misses(line), WIDER_SECONDS * NARROWER**number
        belief = due.believe(miss - bias[due.twelfth], wider)
        if free and number >= FIRST_BIASED_ROUND:
            bias = due.biases(miss, belief.prompt)
            belief = due.believe(miss - bias[due.twelfth], wider)
        factor = _factor(prior, due, belief.weight)
        pulled = due.seconds - bias[due.twelfth] - belief.lateness
        pull = _spread(due, belief.weight * pulled, len(line))
        line = np.asarray(cho_solve_banded((factor, False), pull))
    miss = due.misses(line) - bias[due.twelfth]
    belief = due.believe(miss, 0.0)
    factor = _factor(prior, due, belief.weight)
    evidence = float(due.weight @ belief.density) - prior.surprise(line)
    evidence += prior.log_determinant / 2 - float(np.log(factor[-1]).sum())
    evidence += LOG_BIAS * np.count_nonzero(bias)
    pulled = due.seconds - bias[due.twelfth] - belief.lateness
    return _Fit(line, evidence, factor, miss, bias if free else None, belief.weight, pulled)


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


def _likely_steps(
    due: DueOnsets, fit: _Fit, pulse_seconds: float, count: int
) -> list[tuple[int, float]]:
    """Pulses where the tempo is likeliest to step, if once; the log chance of each and those near.

    By least squares with onsets weighed as in a fit: its line's place, its tempo, and the step.
    """
    if count < 2 * FROM_ENDS + 3:
        return []
    order = np.argsort(due.places, kind="stable")
    places, weight = due.places[order], fit.weight[order]
    pull = weight * fit.pulled[order]
    sums = np.array([weight, weight * places, weight * places**2, pull, pull * places])
    behind = np.cumsum(np.pad(sums, ((0, 0), (0, 1)))[:, ::-1], axis=1)[:, ::-1]
    at = np.arange(1, count - 1)
    (w, wp, wpp, y, yp), whole = behind[:, np.searchsorted(places, at)], behind[:, 0]
    spreads = (OFFSET_SECONDS, TEMPO_SPREAD * pulse_seconds, STEP_SPREAD * pulse_seconds)
    precision = np.tile(np.diag(np.array(spreads) ** -2), (len(at), 1, 1))
    precision[:, :2, :2] += whole[[[0, 1], [1, 2]]]
    precision[:, 2, 0] = precision[:, 0, 2] = wp - at * w
    precision[:, 2, 1] = precision[:, 1, 2] = wpp - at * wp
    precision[:, 2, 2] += wpp - 2 * at * wp + at**2 * w
    pull = np.stack([np.full(len(at), whole[3]), np.full(len(at), whole[4]), yp - at * y], axis=1)
    found = np.linalg.solve(precision, pull[..., None])[..., 0]
    scores = (pull * found).sum(axis=1) / 2 - np.linalg.slogdet(precision)[1] / 2
    scores[:FROM_ENDS] = scores[-FROM_ENDS:] = -np.inf
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    picked: list[int] = []
    for place in np.argsort(-chances).tolist():
        if len(picked) == STEPS_TRIED or chances[place] < LEAST_STEP:
            break
        if all(abs(place - other) > 1 for other in picked):
            picked.append(place)
    nearest = np.abs(np.arange(len(at))[:, None] - picked).argmin(axis=1)
    logs = np.log(np.bincount(nearest, chances) / chances[picked] / len(at))
    return list(zip(picked, logs.tolist(), strict=True))


def _scatter(miss: Floats, due: DueOnsets) -> tuple[float, float]:
    """How far trusted onsets are early, or the geometric mean of that and of how far they are late.

    Nothing can be heard much before it begins: where many are early, they are prompt and the line
    follows others that are late. Where none is early the late ones do no harm. The larger, doubled;
    and how many trusted onsets there are, by weight.
    """
    weight = np.where(due.prompt > TRUSTED, due.prompt * due.weight, 0.0)
    if not weight.any():
        return WITHIN_SECONDS, 0.0
    miss = np.clip(miss, -FAR_SECONDS, FAR_SECONDS)
    early, late = weight @ np.maximum(-miss, 0), weight @ np.maximum(miss, 0)
    held = float(weight.sum())
    return float(2 * np.sqrt(early * max(early, late)) / held), held
