"""How far the moment of an onset is to be trusted.

A plucked or struck note begins in all bands at once and stands out from what is around it; a note
that is blown, bowed or swelling, and the trembling of one that is held, do not. A softmax of what
is heard around an onset tells how likely it is heard exactly when it was due, loosely so, late, or
anywhere; `python -m benchmarks.fit_trust` fits it to notes whose places are known.
"""

from __future__ import annotations

import numpy as np

from audio.hearing import Floats, Heard, Power
from audio.onsets import Onsets

# Onsets that are heard exactly, loosely, late, and anywhere: so late on average, spread by so much.
LATE_SECONDS = (0.0, 0.0, 0.014, 0.0)
SPREAD_SECONDS = (0.0033, 0.006, 0.009, 0.029)  # players' own scatter included
# What speaks for each of the first three, against the fourth.
WEIGHTS = {
    "jump": (4.97, 4.58, 2.29),  # log of the mean rise over the bands, in dB
    "rise": (-0.32, -0.06, -0.08),  # how long it lasts, in ms, at most MAX_RISE_MS
    "company": (-2.11, -3.25, -2.8),  # log of the strongest flux around against its own
    "swelling": (-2.37, -4.18, 3.04),  # log of how much bands have risen just before, in dB
    "fading": (0.49, 1.2, -0.5),  # how much they have fallen before in all, in dB
    "dying": (2.41, 3.86, 1.73),  # log of how much they fall just after, in dB
    "at_once": (7.83, -1.33, 2.61),  # the share of the jump that is done in some 6 ms
    "": (-7.04, -6.79, -7.04),
}
MAX_RISE_MS = 30.0
MIN_JUMP_DB = 0.3
LEAST = 0.05  # of what is taken the logarithm of
EARLIER_SECONDS = (-0.034, -0.022)
BEFORE_SECONDS = (-0.014, -0.002)
JUST_BEFORE_SECONDS = (-0.008, -0.005)
SOON_SECONDS = (0.004, 0.008)
AFTER_SECONDS = (0.0, 0.022)
LATER_SECONDS = (0.022, 0.040)
OWN_SECONDS = (0.0, 0.014)
COMPANY_SECONDS = ((-0.040, -0.004), (0.018, 0.045))
SMOOTH_STEPS = 9


def trust_in(onsets: Onsets, heard: Heard) -> Floats:
    """The chances (n, 4) of each onset to be exact, loose, late, or anywhere."""
    return chances_by(find_features(onsets, heard), np.array(list(WEIGHTS.values())))


def chances_by(features: Floats, weights: Floats) -> Floats:
    """Chances (n, 4) by features (n, 8) and weights (8, 3) of all kinds but the last."""
    scores = np.column_stack([features @ weights, np.zeros(len(features))])
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def find_features(onsets: Onsets, heard: Heard) -> Floats:
    """What speaks for each onset, (n, 8), in the order of WEIGHTS."""
    seconds, levels = heard.attacks.seconds, heard.levels
    step = seconds[1] - seconds[0]
    at = np.searchsorted(seconds, onsets.seconds - 0.002)

    def around(values: Floats | Power, span: tuple[float, float]) -> Floats | Power:
        steps = np.arange(round(span[0] / step), round(span[1] / step) + 1)
        return values[..., np.clip(at[:, None] + steps, 0, values.shape[-1] - 1)]

    after = around(levels, AFTER_SECONDS).max(axis=-1)
    just_before = around(levels, JUST_BEFORE_SECONDS).mean(axis=-1)
    grown = just_before - around(levels, EARLIER_SECONDS).mean(axis=-1)
    jump = np.maximum(after - around(levels, BEFORE_SECONDS).mean(axis=-1), 0).mean(axis=0)
    soon = np.maximum(around(levels, SOON_SECONDS).mean(axis=-1) - just_before, 0).mean(axis=0)
    whole = np.maximum(after - just_before, 0).mean(axis=0)
    fall = np.maximum(after - around(levels, LATER_SECONDS).mean(axis=-1), 0).mean(axis=0)
    bell = np.hanning(SMOOTH_STEPS)
    flux = np.convolve(heard.attacks.values, bell / bell.sum(), "same")
    own = around(flux, OWN_SECONDS).max(axis=-1)
    company = np.maximum(*(around(flux, span).max(axis=-1) for span in COMPANY_SECONDS))
    return np.stack([
        np.log(np.maximum(jump, LEAST)),
        np.minimum(1000 * onsets.rise_seconds, MAX_RISE_MS),
        np.log(np.maximum(company / np.maximum(own, 0.01), LEAST)),
        np.log1p(np.maximum(grown, 0).mean(axis=0)),
        np.minimum(grown.mean(axis=0), 0),
        np.log1p(fall),
        soon / np.maximum(whole, MIN_JUMP_DB),
        np.ones(len(at)),
    ], axis=1)  # fmt: skip
