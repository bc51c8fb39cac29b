"""The line through the onsets: beats of a tempo that is steady, steps, drifts or wanders.

Each of these is a Gaussian prior over the beats (audio/tempo_prior.py); with the onsets due
(audio/due_onsets.py) each gives a line, how uncertain every beat of it is, and its evidence
(audio/line_fit.py). The line is their mean, weighted by evidence, so that a step that could lie at
several beats makes those between them uncertain. A steady tempo comes out exactly steady, one late
snare moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.due_onsets import WITHIN_SECONDS, DueOnsets
from audio.features import Floats
from audio.line_fit import LineFit, fit_prior, likely_steps
from audio.line_settings import SETTINGS, LineSettings
from audio.note_starts import NoteStarts
from audio.tempo_prior import TempoPrior


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
    settings: LineSettings = SETTINGS,
) -> BeatLine:
    """Fit pulses (n,) in seconds, right within 50 ms, to the notes that start on and between them.

    It is the distance to the `expected` pulses (n,) whose tempo is kept from jittering, so that a
    tempo map is followed for free. `ternary` pulses fall into three.
    """
    due = DueOnsets.of(pulses, starts, ternary)
    if len(due.seconds) < settings.least_onsets:
        return BeatLine(pulses, WITHIN_SECONDS, 0.0, np.full(len(pulses), WITHIN_SECONDS))
    counted = np.arange(len(pulses))
    straight = expected + np.polyval(np.polyfit(counted, pulses - expected, 1), counted)
    due = due.relative_to(straight)
    pulse_seconds = float(np.median(np.diff(expected)))
    fits = [
        fit
        for biased in (False, True)
        for fit in _behaviours(due, pulses - straight, pulse_seconds, biased, settings)
    ]
    evidence = np.array([fit.evidence for fit in fits])
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    best = fits[int(weights.argmax())]
    mean = weights @ np.array([fit.line for fit in fits])
    line = best.line if weights.max() > settings.alone else mean
    variance = sum(
        weight * (fit.variance() + (fit.line - line) ** 2)
        for weight, fit in zip(weights, fits, strict=True)
        if weight > settings.negligible
    )
    miss, held = _scatter(best.miss, due, settings)
    met = due.places[(due.twelfth == 0) & (np.abs(best.miss) < settings.met_seconds)]
    share_met = len(np.unique(np.rint(met))) / len(pulses)
    error = np.sqrt(variance + settings.common_seconds**2)
    error *= max(1.0, miss / settings.usual_miss_seconds)
    error *= np.sqrt(1 + settings.few_onsets / max(held, 0.1))
    return BeatLine(straight + line, miss, share_met, error)


def _behaviours(
    due: DueOnsets, start: Floats, pulse_seconds: float, biased: bool, settings: LineSettings
) -> list[LineFit]:
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
            due, prior, by.line, by.bias, settings, first_round=first_round, rounds=settings.rounds
        )
        return fit.likelier(log_odds)

    later = settings.others_from
    first = fit_prior(
        due, prior(settings.first_wandering * wandering), start, np.zeros(12) if biased else None,
        settings, first_round=0, rounds=settings.first_rounds,
    )  # fmt: skip
    fits = [fitted(prior(0.0), first, 0.0, settings.steady_from)]
    for spread in settings.wandering:
        fits.append(fitted(prior(spread * wandering), first, settings.log_wandering, later))
    for spread in settings.drifting:
        fits.append(fitted(prior(spread * drifting, 3), first, settings.log_drifting, later))
    best = max(fits, key=lambda fit: fit.evidence)
    for place, log_chance in likely_steps(due, best, pulse_seconds, settings):
        spreads = np.zeros(count - 2)
        spreads[place] = settings.step * pulse_seconds
        step = TempoPrior.of(count, pulse_seconds, spreads, 2)
        fits.append(fitted(step, best, settings.log_step + log_chance, later))
    return fits


def _scatter(miss: Floats, due: DueOnsets, settings: LineSettings) -> tuple[float, float]:
    """How far trusted onsets are early, or the geometric mean of that and of how far they are late.

    Nothing can be heard much before it begins: where many are early, they are on time and the line
    follows others that are late. Where none is early the late ones do no harm. The larger, doubled;
    and how many trusted onsets there are, by weight.
    """
    weight = np.where(due.on_time > settings.trusted, due.on_time * due.weight, 0.0)
    if not weight.any():
        return WITHIN_SECONDS, 0.0
    miss = np.clip(miss, -settings.far_seconds, settings.far_seconds)
    early, late = weight @ np.maximum(-miss, 0), weight @ np.maximum(miss, 0)
    held = float(weight.sum())
    return float(2 * np.sqrt(early * max(early, late)) / held), held
