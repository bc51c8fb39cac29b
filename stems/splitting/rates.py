"""From a sound's sample rate to a network's and back, a segment at a time."""

from __future__ import annotations

import numpy as np

from audio.clip import Samples


def at_rate(samples: Samples, from_rate: int, to_rate: int, frames: int) -> Samples:
    """Return (..., frames_in) at another rate in Hz, cut or filled with zeros to `frames`.

    By soxr, which needs no table for the ratio: 44099 Hz costs what 48000 does.
    """
    if from_rate != to_rate:
        import soxr

        rows = samples.reshape(-1, samples.shape[-1])
        rows = soxr.resample(rows.T, from_rate, to_rate, quality="HQ").T
        samples = np.asarray(rows, np.float32).reshape(*samples.shape[:-1], -1)
    missing = frames - samples.shape[-1]
    if missing > 0:
        samples = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(samples[..., :frames])
