"""Panning, and the reverberation of one small room."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.noise import shaped_noise
from diffusion.embedded.decoder.sounds import BAND_EDGES_HZ

DECAY_SECONDS = 0.45  # to -60 dB at 1 kHz; lows and highs die sooner
DELAY_SECONDS = 0.011
HOP_SECONDS = 0.003
SEED = 7
BLOCK = 1 << 16


def pan(mono: Tensor, place: float) -> Tensor:
    """(2, frames) with equal power; `place` is -1 for left, 0 for the middle, 1 for right."""
    angle = (place + 1) * math.pi / 4
    sides = mono.new_empty(2, len(mono))
    torch.mul(mono, math.sqrt(2) * math.cos(angle), out=sides[0])
    torch.mul(mono, math.sqrt(2) * math.sin(angle), out=sides[1])
    return sides


def new_room(sample_rate: int) -> Tensor:
    """Impulse response (2, frames): noise of unit energy a side whose bands decay."""
    edges = torch.tensor(BAND_EDGES_HZ)
    octaves = ((edges[1:] * edges[:-1]).sqrt() / 1000).log2()
    decay = DECAY_SECONDS / (1 + 0.06 * octaves.square())
    hop = round(HOP_SECONDS * sample_rate)
    moments = torch.arange(math.ceil(DECAY_SECONDS * sample_rate / hop)) * hop / sample_rate
    levels = torch.exp(-math.log(1000) * moments[:, None] / decay)
    levels *= torch.sigmoid((octaves + 2.0) * 2)  # little under 250 Hz
    frames = len(levels) * hop
    generator = torch.Generator().manual_seed(SEED)
    sides = [shaped_noise(levels, hop, frames, sample_rate, generator) for _ in range(2)]
    response = torch.stack([side / side.square().sum().sqrt() for side in sides])
    return torch.nn.functional.pad(response, (round(DELAY_SECONDS * sample_rate), 0))


def add_room(dry: Tensor, response: Tensor, level_db: float) -> None:
    """Adds the room's response to `dry` (2, frames) in place, block by block."""
    frames, tail = dry.shape[1], response.shape[1]
    gain = db_to_amplitude(level_db)
    size = 1 << (BLOCK + tail).bit_length()
    spectrum = torch.fft.rfft(response * gain, size)
    carried = dry.new_zeros(2, tail)
    for first in range(0, frames, BLOCK):
        block = dry[:, first : first + BLOCK]
        count = block.shape[1]
        wet = torch.fft.irfft(torch.fft.rfft(block, size) * spectrum, size)[:, : count + tail]
        wet[:, :tail] += carried
        carried = wet[:, count:].clone()
        block += wet[:, :count]
