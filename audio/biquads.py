"""Recursive filters of the second order, applied to spectra: to 1e-12 what a recursion gives.

Importing scipy's signals, which has the recursion, takes longer than most commands do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from audio.decibels import Levels

# After this time the response of a filter of LEAST_HZ has fallen by 500 dB.
RING_SECONDS, LEAST_HZ = 0.25, 38.0
PIECE_FRAMES = 1 << 16

Spectrum = npt.NDArray[np.complex128]
Coefficients = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Biquad:
    """What is added of the last three samples given, and of the last three that came out."""

    given: Coefficients
    came_out: Coefficients

    def response(self, size: int) -> Spectrum:
        """What it does at the frequencies of a real transform of `size` samples."""
        delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
        powers = np.stack([np.ones_like(delay), delay, delay * delay])
        return np.asarray((np.array(self.given) @ powers) / (np.array(self.came_out) @ powers))


def high_pass(hertz: float, quality: float, sample_rate: int) -> Biquad:
    """From Bristow-Johnson's cookbook; with a quality of half the root of 2 it is Butterworth's."""
    turn = 2 * math.pi * hertz / sample_rate
    cos, lean = math.cos(turn), math.sin(turn) / (2 * quality)
    return Biquad(((1 + cos) / 2, -(1 + cos), (1 + cos) / 2), (1 + lean, -2 * cos, 1 - lean))


def high_shelf(hertz: float, gain_db: float, quality: float, sample_rate: int) -> Biquad:
    """From the same."""
    root = 10 ** (gain_db / 40)
    turn = 2 * math.pi * hertz / sample_rate
    cos, lean = math.cos(turn), math.sqrt(root) * math.sin(turn) / quality
    more, less = root + 1, root - 1
    return Biquad(
        (
            root * (more + less * cos + lean),
            -2 * root * (less + more * cos),
            root * (more + less * cos - lean),
        ),
        (more - less * cos + lean, 2 * (less - more * cos), more - less * cos - lean),
    )


def filtered(samples: npt.NDArray[Any], filters: Sequence[Biquad], sample_rate: int) -> Levels:
    """Return sound (..., frames) after all `filters`, none lower than LEAST_HZ, in float64."""
    from scipy.fft import irfft, next_fast_len, rfft

    frames, ring = samples.shape[-1], math.ceil(RING_SECONDS * sample_rate)
    piece = min(frames, max(PIECE_FRAMES, 2 * ring))
    size = next_fast_len(piece + ring, real=True)
    response = np.ones(size // 2 + 1, np.complex128)
    for each in filters:
        response *= each.response(size)
    out = np.zeros((*samples.shape[:-1], frames + ring))
    for first in range(0, frames, piece):
        dry = samples[..., first : first + piece].astype(np.float64)
        count = dry.shape[-1] + ring
        out[..., first : first + count] += irfft(rfft(dry, size) * response, size)[..., :count]
    return out[..., :frames]
