"""Noise with a given colour at every moment: breath, bow, hammers, cymbals."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diffusion.embedded.decoder.sounds import BAND_EDGES_HZ

REFERENCE_HZ = 44100  # levels are those of white noise at this rate
BATCH = 2048


def shaped_noise(
    levels: Tensor, hop: int, frames: int, sample_rate: int, generator: torch.Generator
) -> Tensor:
    """Noise (frames,) whose bands follow `levels` (moments, BANDS) given every `hop` frames.

    A level is the root mean square of the white noise that has the band's density. Moment 0 is
    frame 0; beyond the last moment there is silence. Overlapping random spectra are added under
    a sine window, whose squares sum to one.
    """
    size = 2 * hop
    window = torch.sin(math.pi * (torch.arange(size) + 0.5) / size)
    colour = _colour(size, sample_rate) * math.sqrt(sample_rate / REFERENCE_HZ)
    out = torch.zeros((len(levels) + 1) * hop)
    for first in range(0, len(levels), BATCH):
        gains = levels[first : first + BATCH] @ colour
        draw = torch.randn((2, *gains.shape), generator=generator)
        spectrum = torch.complex(draw[0], draw[1]) * gains * math.sqrt(size / 2)
        pieces = torch.fft.irfft(spectrum, size) * window
        at = out[first * hop : (first + len(pieces) + 1) * hop].view(-1, hop)
        at[:-1] += pieces[:, :hop]
        at[1:] += pieces[:, hop:]
    sound = out[hop:]  # moment m is the middle of piece m, which is frame (m + 1) * hop
    return torch.nn.functional.pad(sound, (0, frames - len(sound)))  # or cut, if negative


def _colour(size: int, sample_rate: int) -> Tensor:
    """(BANDS, size / 2 + 1): spreads band levels over the bins, linear between band centres."""
    hz = torch.arange(size // 2 + 1) * (sample_rate / size)
    edges = torch.tensor(BAND_EDGES_HZ)
    centres = (edges[1:] * edges[:-1]).sqrt().log()
    place = (hz.clamp(min=1).log() - centres[0]) / (centres[1] - centres[0])
    bands = torch.arange(len(centres))[:, None]
    colour = (1 - (place.clamp(0, len(centres) - 1) - bands).abs()).clamp(min=0)
    return colour * ((hz >= BAND_EDGES_HZ[0] / 2) & (hz <= BAND_EDGES_HZ[-1]))
