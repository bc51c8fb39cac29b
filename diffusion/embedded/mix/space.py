"""Room and width of a stem: two responses to its middle, one for the middle, one for the sides.

The sides get what the middle does not have, left and right in opposite phase, so a mono sum of the
stem is the same at any width. Width is the middle through velvet noise: sparse pulses of random
sign, which decorrelate without colour (Karjalainen and Jaervelaeinen 2007; Alary, Politis and
Vaelimaeki 2017). The room is noise whose bands decay.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from audio.biquads import filtered, high_pass
from audio.clip import Samples
from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.noise import shaped_noise
from diffusion.embedded.decoder.sounds import BAND_EDGES_HZ
from diffusion.embedded.mix.sound import (
    NONE_DB,
    STEM_ROOM_DB,
    STEM_WIDTH_DB,
    STEM_WIDTH_FROM_HZ,
    Room,
)

HOP_SECONDS = 0.003
VELVET_SECONDS = 0.028
VELVET_DELAY_SECONDS = 0.0015  # no pulse at once: the attack stays in the middle
PULSES_A_SECOND = 1400
SEED = 11
BLOCK_FRAMES = 1 << 18


def responses(stem: str, room: Room, sample_rate: int) -> Tensor:
    """Return what a stem's middle adds to its middle and to its sides, (2, frames)."""
    wet = _room(room, sample_rate)
    level_db = STEM_ROOM_DB[stem] + room.level_db if STEM_ROOM_DB[stem] > NONE_DB else NONE_DB
    # Left and right are two noises: their sum is in the middle, their difference at the sides.
    both = np.stack([wet[0] + wet[1], wet[0] - wet[1]]) / 2 * db_to_amplitude(level_db)
    velvet = _velvet(sample_rate) * db_to_amplitude(STEM_WIDTH_DB[stem])
    both[1, : len(velvet)] += velvet
    butterworth = high_pass(STEM_WIDTH_FROM_HZ[stem], 2**-0.5, sample_rate)
    both[1] = filtered(both[1], [butterworth], sample_rate)
    return torch.from_numpy(both.astype(np.float32))


@lru_cache(maxsize=4)
def _room(room: Room, sample_rate: int) -> np.ndarray:
    """Left and right (2, frames) of unit energy each: noise whose bands decay."""
    edges = torch.tensor(BAND_EDGES_HZ)
    octaves = ((edges[1:] * edges[:-1]).sqrt() / 1000).log2()
    decay = room.decay_seconds / (1 + 0.08 * octaves.square())
    hop = round(HOP_SECONDS * sample_rate)
    moments = torch.arange(math.ceil(room.decay_seconds * sample_rate / hop)) * hop / sample_rate
    levels = torch.exp(-math.log(1000) * moments[:, None] / decay)
    levels *= torch.sigmoid((octaves + 2.0) * 2)  # little under 250 Hz
    levels *= torch.sigmoid((3.2 - octaves) * 2)  # nor over 9 kHz
    frames = len(levels) * hop
    generator = torch.Generator().manual_seed(SEED)
    sides = [shaped_noise(levels, hop, frames, sample_rate, generator) for _ in range(2)]
    wet = torch.stack([side / side.square().sum().sqrt() for side in sides])
    wet = torch.nn.functional.pad(wet, (round(room.delay_seconds * sample_rate), 0))
    return np.asarray(wet.numpy())


def _velvet(sample_rate: int) -> np.ndarray:
    """Pulses of unit energy, one at a random place in each equal piece, dying by 20 dB."""
    draw = np.random.default_rng(SEED)
    count = round(VELVET_SECONDS * PULSES_A_SECOND)
    seconds = VELVET_DELAY_SECONDS + (np.arange(count) + draw.random(count)) / PULSES_A_SECOND
    heights = draw.choice((-1.0, 1.0), count) * 10 ** (-np.arange(count) / count)
    velvet = np.zeros(round((VELVET_DELAY_SECONDS + VELVET_SECONDS) * sample_rate) + 1)
    np.add.at(velvet, np.round(seconds * sample_rate).astype(int), heights)
    return np.asarray(velvet / np.sqrt(np.square(velvet).sum()))


def middle_and_sides(sound: Samples, response: Tensor, *, wraps: bool) -> Tensor:
    """Return a stem (2, frames) as its middle in the room, its own sides, and the sides added.

    With `wraps` what rings on over the end sounds at the beginning, as when a loop is repeated;
    else it is cut off.
    """
    frames, tail = sound.shape[1], response.shape[1]
    out = torch.empty(3, frames)
    out[0] = torch.from_numpy((sound[0] + sound[1]) / 2)
    out[1] = torch.from_numpy((sound[0] - sound[1]) / 2)
    block = min(BLOCK_FRAMES, frames)
    size = _fast_size(block + tail)
    spectrum = torch.fft.rfft(response, size)
    carried = torch.zeros(2, tail)
    for first in range(0, frames, block):
        dry = out[0, first : first + block]
        count = len(dry)
        wet = torch.fft.irfft(torch.fft.rfft(dry, size) * spectrum, size)[:, : count + tail]
        wet[:, :tail] += carried
        carried = wet[:, count:].clone()
        out[0, first : first + count] += wet[0, :count]
        out[2, first : first + count] = wet[1, :count]
    for first in range(0, tail if wraps else 0, frames):
        rest = carried[:, first : first + frames]
        out[0, : rest.shape[1]] += rest[0]
        out[2, : rest.shape[1]] += rest[1]
    return out


def _fast_size(least: int) -> int:
    """The next length whose transform is fast: 2^n, or 3/4 or 5/8 of it."""
    whole = 1 << (least - 1).bit_length()
    return min(size for size in (whole * 5 // 8, whole * 3 // 4, whole) if size >= least)


def joined(parts: Tensor, level: float, width: float) -> Tensor:
    """Return `parts` (3, frames; see middle_and_sides) as left and right, in their place."""
    middle, own, added = parts
    side = own.add_(added, alpha=width)
    left = torch.add(middle, side)
    torch.sub(middle, side, out=parts[1])
    parts[0] = left
    return parts[:2].mul_(level)
