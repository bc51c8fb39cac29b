"""Mel bands, decibels and how a spectrum rises, as librosa has them, without importing librosa.

librosa brings numba and takes longer to import than 20 s of sound take to measure; a test holds
these to its values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Power = npt.NDArray[np.float32]

LEAST_POWER = 1e-10  # -100 dB
HERTZ_A_MEL = 200 / 3  # up to KNEE_HZ; above it a mel is a ratio (Slaney's Auditory Toolbox, 1998)
KNEE_HZ = 1000.0
KNEE_MEL = KNEE_HZ / HERTZ_A_MEL
LOG_STEP = np.log(6.4) / 27


def mel_filters(sample_rate: int, window: int, bands: int, lowest_hz: float) -> Power:
    """Triangles over the bins of a spectrum of `window` frames, (bands, window // 2 + 1).

    From `lowest_hz` to half the rate, evenly in mels, each of the same area.
    """
    lowest, highest = _mels(np.array([lowest_hz, sample_rate / 2]))
    edges = _hertz(np.linspace(lowest, highest, bands + 2))
    bins = np.fft.rfftfreq(window, 1 / sample_rate)
    widths, ramps = np.diff(edges), np.subtract.outer(edges, bins)
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.asarray(filters, np.float32)


def decibels(power: Power, dynamics_db: float) -> Power:
    """The power in dB of full scale; what is softer than the loudest by more is raised to that."""
    levels = 10 * np.log10(np.maximum(np.float32(LEAST_POWER), power))
    return np.asarray(np.maximum(levels, levels.max() - np.float32(dynamics_db)), np.float32)


def rises(levels: Power, delay: int) -> Power:
    """Mean rise (n,) of dB levels (bands, n) over the louder neighbour of each band before.

    As in SuperFlux (Böck and Widmer, DAFx 2013); `delay` columns of silence are put in front.
    """
    from scipy.ndimage import maximum_filter1d

    before = maximum_filter1d(levels, 3, axis=0)[:, :-1]
    risen = np.maximum(0, levels[:, 1:] - before).mean(axis=0)
    return np.pad(risen, (1 + delay, 0))[: levels.shape[1]]


def _mels(hertz: Floats) -> Floats:
    log = KNEE_MEL + np.log(np.maximum(hertz, KNEE_HZ) / KNEE_HZ) / LOG_STEP
    return np.where(hertz < KNEE_HZ, hertz / HERTZ_A_MEL, log)


def _hertz(mels: Floats) -> Floats:
    log = KNEE_HZ * np.exp(LOG_STEP * (np.maximum(mels, KNEE_MEL) - KNEE_MEL))
    return np.where(mels < KNEE_MEL, mels * HERTZ_A_MEL, log)
