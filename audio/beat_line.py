"""The line through the onsets: beats of a tempo that is steady, steps, drifts or wanders.

Each of these is a Gaussian prior over the beats; with the onsets due (audio/due_onsets.py) each
gives a line, how uncertain every beat of it is, and its evidence (audio/line_fit.py). The line is
their mean, weighted by evidence, so that a step that could lie at several beats makes those between
them uncertain. A steady tempo comes out exactly steady, one late snare moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from audio import line_settings as settings
from audio.due_onsets import WITHIN_SECONDS, DueOnsets
from audio.features import Floats
from audio.line_fit import LineFit, TempoPrior, fit_prior, likely_steps
from audio.note_starts import NoteStarts


@dataclass(frozen=True, slots=True, eq=False)
class BeatLine:
    """Seconds (n,) of each pulse, and what the onsets say of it.

    `miss_seconds` is how far trusted onsets scatter to both sides of it, and `share_met` of the
    pulses have one within 25 ms. `error_seconds` (n,) is how uncertain each pulse is, as one
    standard deviation: by how the onsets spread, where few hold it, and where the tempo could
    have changed between onsets; wider where trusted onsets scatter by more than they should.
    """

    seconds: Floats
    miss_seconds: float
    share_met: float
    error_seconds: Floats


def fit_line(
    pulses: Floats,
    expected: Floats,
    starts: NoteStarts,
    ternary: bool,
) -> BeatLine:
    """Fit pulses (n,) in seconds, right within 50 ms, to the notes that start on and between them.

    It is the distance to the `expected` pulses (n,) whose tempo is kept from jittering, so that a
    tempo map is followed for free. `ternary` pulses fall into three.
    """
    due = DueOnsets.of(pulses, starts, ternary)
    if len(due.seconds) < settings.LEAST_ONSETS:
        return BeatLine(pulses, WITHIN_SECONDS, 0.0, np.full(len(pulses), WITHIN_SECONDS))
    counted = np.arange(len(pulses))
    straight = expected + np.polyval(np.polyfit(counted, pulses - expected, 1), counted)
    due = replace(due, seconds=due.misses(straight))
    pulse_seconds = float(np.median(np.diff(expected)))
    fits = [
        fit
        for biased in (False, True)
        for fit in _behaviours(due, pulses - straight, pulse_seconds, biased)
    ]
    weights = softmax([fit.evidence for fit in fits])
    best = fits[int(weights.argmax())]
    mean = weights @ np.array([fit.line for fit in fits])
    line = best.line if weights.max() > settings.ALONE else mean
    variance = sum(
        weight * (fit.variance() + (fit.line - line) ** 2)
        for weight, fit in zip(weights, fits, strict=True)
        if weight > settings.NEGLIGIBLE
    )
    miss, held = _scatter(best.miss, due)
    met = due.places[(due.twelfth == 0) & (np.abs(best.miss) < settings.MET_SECONDS)]
    share_met = len(np.unique(np.rint(met))) / len(pulses)
    error = np.sqrt(variance + settings.COMMON_SECONDS**2)
    error *= max(1.0, miss / settings.USUAL_MISS_SECONDS)
    error *= np.sqrt(1 + settings.FEW_ONSETS / max(held, 0.1))
    return BeatLine(straight + line, miss, share_met, error)


def _behaviours(due: DueOnsets, start: Floats, pulse_seconds: float, biased: bool) -> list[LineFit]:
    """A fit for each behaviour of the tempo; where parts of a beat are biased, or not.

    Biased parts are swung, or played early or late; few beats and many parts could not tell that
    from a tempo that changes.
    """
    count = len(start)
    wandering, drifting = pulse_seconds**1.5, pulse_seconds**2.5

    def prior(spread: float, order: int = 2) -> TempoPrior:
        return TempoPrior.of(count, pulse_seconds, np.full(count - order, spread), order)

    def fitted(prior: TempoPrior, by: LineFit, log_odds: float, first_round: int) -> LineFit:
        fit = fit_prior(
            due, prior, by.line, by.bias, first_round=first_round, rounds=settings.ROUNDS
        )
        return replace(fit, evidence=fit.evidence + log_odds)

    later = settings.OTHERS_FROM
    first = fit_prior(
        due, prior(settings.FIRST_WANDERING * wandering), start, np.zeros(12) if biased else None,
        first_round=0, rounds=settings.FIRST_ROUNDS,
    )  # fmt: skip
    fits = [fitted(prior(0.0), first, 0.0, settings.STEADY_FROM)]
    for spread in settings.WANDERING:
        fits.append(fitted(prior(spread * wandering), first, settings.LOG_WANDERING, later))
    for spread in settings.DRIFTING:
        fits.append(fitted(prior(spread * drifting, 3), first, settings.LOG_DRIFTING, later))
    best = max(fits, key=lambda fit: fit.evidence)
    for place, log_chance in likely_steps(due, best, pulse_seconds):
        spreads = np.zeros(count - 2)
        spreads[place] = settings.STEP * pulse_seconds
        step = TempoPrior.of(count, pulse_seconds, spreads, 2)
        fits.append(fitted(step, best, settings.LOG_STEP + log_chance, later))
    return fits


def _scatter(miss: Floats, due: DueOnsets) -> tuple[float, float]:
    """How far trusted onsets are early, or the geometric mean of that and of how far they are late.

    Nothing can be heard much before it begins: where many are early, they are on time and the line
    follows others that are late. Where none is early the late ones do no harm. The larger, doubled;
    and how many trusted onsets there are, by weight.
    """
    trusted = due.on_time > settings.TRUSTED
    on_line = due.places[trusted & (np.abs(miss) < settings.ON_LINE_SECONDS)]
    # A codec spreads what begins over the frame before it: that is heard as one start too many.
    echoes = (miss < -settings.ECHO_SECONDS) & np.isin(due.places, on_line)
    weight = np.where(trusted & ~echoes, due.on_time * due.weight, 0.0)
    if not weight.any():
        return WITHIN_SECONDS, 0.0
    miss = np.clip(miss, -settings.FAR_SECONDS, settings.FAR_SECONDS)
    early, late = weight @ np.maximum(-miss, 0), weight @ np.maximum(miss, 0)
    held = float(weight.sum())
    return float(2 * np.sqrt(early * max(early, late)) / held), held
