"""How much goes on in a recording over time: a curve that music can follow.

Made for dialogue and picture edits: level, how often something begins to sound (syllables,
cuts, steps), both against the recording's own usual. Simple on purpose; it knows nothing of words.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from audio.clip import Clip
from audio.decibels import power_to_db
from audio.errors import AudioError
from audio.features import onset_envelope
from audio.onsets import relative_strength

STEP_SECONDS = 0.05
FLOOR_DB = -50.0  # below the loudest moment: nothing goes on
LEVEL_SHARE = 0.6  # of the curve; the rest is the rate of onsets
MOST_ONSETS_A_SECOND = 6.0  # quick speech has about as many syllables
ONSET_STRENGTH = 0.4
MIN_SMOOTH_SECONDS, MAX_SMOOTH_SECONDS = 0.1, 10.0


def energy_curve(
    clip: Clip, *, every_seconds: float = 1.0, smooth_seconds: float = 1.0
) -> dict[float, float]:
    """Return by seconds the energy, from 0 (nothing) to 1 (the most there is).

    A point every so many seconds, smoothed over as many; all 0 for silence. Raises AudioError.
    """
    if not STEP_SECONDS <= every_seconds <= 60:
        raise AudioError(f"every must be from {STEP_SECONDS} to 60 s, not {every_seconds:g}")
    if not MIN_SMOOTH_SECONDS <= smooth_seconds <= MAX_SMOOTH_SECONDS:
        raise AudioError(
            f"smooth must be from {MIN_SMOOTH_SECONDS:g} to {MAX_SMOOTH_SECONDS:g} s, "
            f"not {smooth_seconds:g}"
        )
    at = np.arange(0, clip.seconds, every_seconds)
    envelope = onset_envelope(clip)
    if envelope is None:
        return dict.fromkeys(at.tolist(), 0.0)
    size = max(1, round(STEP_SECONDS * clip.sample_rate))
    power = np.square(clip.samples, dtype=np.float64).mean(axis=0)
    starts = np.arange(0, clip.frames, size)
    power = np.add.reduceat(power, starts) / np.diff(np.append(starts, clip.frames))
    level = power_to_db(power)
    level = np.clip((level - level.max() - FLOOR_DB) / -FLOOR_DB, 0, 1)
    strength = relative_strength(envelope)
    inner = strength[1:-1]
    peaks = (inner > ONSET_STRENGTH) & (inner > strength[:-2]) & (inner >= strength[2:])
    moments = envelope.seconds[1:-1][peaks]
    onsets = np.zeros(len(power))
    places = np.clip((moments / STEP_SECONDS).astype(np.int64), 0, len(onsets) - 1)
    np.add.at(onsets, places, 1 / STEP_SECONDS / MOST_ONSETS_A_SECOND)
    onsets[level == 0] = 0  # what begins in silence is noise
    width = smooth_seconds / STEP_SECONDS
    rate = np.minimum(gaussian_filter1d(onsets, width), 1)
    curve = LEVEL_SHARE * gaussian_filter1d(level, width) + (1 - LEVEL_SHARE) * rate
    curve = curve / max(curve.max(), 1e-9)
    middles = (np.arange(len(curve)) + 0.5) * STEP_SECONDS
    values = [round(value, 4) for value in np.interp(at, middles, curve).tolist()]
    return dict(zip(at.tolist(), values, strict=True))
