"""A lapped cosine basis in seconds, so that a wave can be laid at any rate from any instant.

The modified discrete cosine transform with a sine window (Princen and Bradley, 1986): step m has
BINS waves under a window of two steps centred on m / STEPS_A_SECOND. Bin k sounds near
(k + 1/2) * STEPS_A_SECOND / 2 Hz, so the lowest BINS of them are a low-passed waveform.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEPS_A_SECOND = 150  # a whole number of frames a step at 44.1 and at 48 kHz
BINS = 24  # up to 1800 Hz
STEPS = 140  # 0.93 s


def step_waves(place: Tensor) -> Tensor:
    """(places, BINS): every wave of a step at places in steps from its centre, in -1..1."""
    inside = ((place >= -1) & (place < 1)).to(place.dtype)
    window = torch.cos(place * (math.pi / 2)) * inside
    bins = torch.arange(BINS, dtype=place.dtype) + 0.5
    return window[:, None] * torch.cos((place[:, None] + 1.5) * bins * math.pi)


def lay(coefficients: Tensor, late_frames: float, sample_rate: int) -> Tensor:
    """The wave (frames,) of coefficients (steps, BINS).

    Its frame 0 lies `late_frames` (0 or more, less than 1) after the middle of the first step.
    """
    hop = sample_rate // STEPS_A_SECOND
    place = (torch.arange(hop, dtype=torch.float64) + late_frames) / hop
    fading = coefficients @ step_waves(place).float().T
    rising = coefficients[1:] @ step_waves(place - 1).float().T
    fading[:-1] += rising
    return fading.flatten()
