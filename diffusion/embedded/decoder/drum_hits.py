"""Drum hits: a learnt low waveform laid on the exact instant, and learnt noise above it.

The waveform is given in a lapped cosine basis in seconds, so that it can be laid at any rate from
any instant: the modified discrete cosine transform with a sine window (Princen and Bradley, 1986).
Step m has BINS waves under a window of two steps centred on m / STEPS_A_SECOND. Bin k sounds near
(k + 1/2) * STEPS_A_SECOND / 2 Hz, so the lowest BINS of them are a low-passed waveform.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import conv1d, silu

from diffusion.embedded.decoder.network import Weights, features, one_of_bank, run_bank
from diffusion.embedded.decoder.noise import shaped_noise
from diffusion.embedded.decoder.room import pan
from diffusion.embedded.decoder.sounds import KITS, PIECES

HOP = 128  # frames between moments of noise at the reference rate
STEPS_A_SECOND = 150  # a whole number of frames a step at 44.1 and at 48 kHz
BINS = 24  # up to 1800 Hz
STEPS = 140  # 0.93 s
CHOKE_SECONDS = 0.03  # a closed hat damps the ringing open hat with this time constant
LONGEST_SECONDS = 3.5
SILENT = 1e-4  # noise levels below this are not made
DENSE, SPARSE, COARSE = 32, 4, 8
BATCH = 64  # hits in one evaluation of the networks
CODE, STARTS, DOUBLINGS, GROUP = 28, 35, 2, 4
QUIET = 2e-3
BOUND = 4.0  # of a shape, so that a quiet level keeps its wave quiet
VELOCITIES = 6  # bumps along velocity, for layers of differently hard strokes


@dataclass(frozen=True, slots=True)
class Hit:
    """A stroke: start in (fractional) frames, piece, velocity 0..1, seconds until it is choked."""

    start: float
    piece: str
    velocity: float
    choke_seconds: float = math.inf


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


def draw_waves(weights: Weights, sound: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
    """Shapes (hits, STEPS, BINS), near unit size, and log levels (hits, STEPS, BINS / GROUP).

    `sound` (hits,) counts piece * len(KITS) + kit; `velocity` (hits,) lies in 0..1. Their product
    (shape times exp of level) is the waveform's lapped coefficients at full velocity's loudness.
    """

    def layer(name: str, x: Tensor, padding: int = 0) -> Tensor:
        return conv1d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)

    centres = torch.linspace(0, 1, VELOCITIES)
    bumps = torch.exp(-0.5 * ((velocity[:, None] - centres) * VELOCITIES * 1.2).square())
    key = weights["wave.key"][sound]
    stroke = layer("wave.stroke", bumps[..., None]).view(len(sound), CODE, STARTS)
    x = layer("wave.start", key * (1 + stroke), 1)
    for level in range(DOUBLINGS):
        x = x.repeat_interleave(2, -1)
        x = x + layer(f"wave.{level}.out", silu(layer(f"wave.{level}.in", x, 2)), 2)
    x = layer("wave.end", x, 1).transpose(1, 2)
    return BOUND * torch.tanh(x[..., :BINS] / BOUND), x[..., BINS:]


def join(shape: Tensor, level: Tensor) -> Tensor:
    """Lapped coefficients (hits, STEPS, BINS) of what draw_waves gives, faded at the end.

    QUIET of a hit's loudest level is taken off all of them, so that its tail ends.
    """
    size = level.exp()
    size = (size - QUIET * size.amax((1, 2), keepdim=True)).clamp(min=0)
    fade = ((STEPS - 1 - torch.arange(STEPS)) / 12).clamp(0, 1)
    return shape * size.repeat_interleave(GROUP, -1) * fade[:, None]


class Kit:
    """One drum kit, ready to play at one sample rate."""

    def __init__(self, weights: Weights, kit: str, sample_rate: int) -> None:
        self._weights = weights
        self._kit = KITS.index(kit)
        self._gain = float(weights["kit_gain"][self._kit])
        self._rate = sample_rate

    def play(
        self, hits: Sequence[Hit], out: Tensor, generator: Generator, places: Mapping[str, float]
    ) -> None:
        """Adds all hits to `out` (2, frames), each piece panned to its place (0 without one)."""
        frames = out.shape[1]
        for index, piece in enumerate(PIECES):
            mine = [hit for hit in hits if hit.piece == piece]
            for first in range(0, len(mine), BATCH):
                batch = mine[first : first + BATCH]
                for hit, sound in zip(batch, self._sounds(index, batch, generator), strict=True):
                    at = math.floor(hit.start)
                    sound = pan(sound[: frames - at] * self._gain, places.get(piece, 0.0))
                    out[:, at : at + sound.shape[1]] += sound

    def _sounds(self, piece: int, hits: Sequence[Hit], generator: Generator) -> list[Tensor]:
        velocity = torch.tensor([hit.velocity for hit in hits])
        sound = torch.full((len(hits),), piece * len(KITS) + self._kit)
        waves = join(*draw_waves(self._weights, sound, velocity))
        levels = self._levels(piece, velocity)
        return [
            self._sound(hit, wave, mine, generator)
            for hit, wave, mine in zip(hits, waves, levels, strict=True)
        ]

    def _levels(self, piece: int, velocity: Tensor) -> Tensor:
        """Noise levels (hits, moments, BANDS) for as long as any of the hits is audible.

        Past DENSE moments the network is evaluated at every SPARSE one only.
        """
        count = math.ceil(LONGEST_SECONDS * self._rate / HOP)
        moments = torch.cat([torch.arange(DENSE), torch.arange(DENSE, count, SPARSE)])
        coarse = noise_levels(
            self._weights, piece, self._kit, moments[::COARSE] * (HOP / self._rate), velocity
        )
        loud = (coarse.amax((0, 2)) > SILENT).nonzero()
        moments = moments[: (int(loud[-1]) + 1) * COARSE] if len(loud) else moments[:COARSE]
        levels = noise_levels(
            self._weights, piece, self._kit, moments * (HOP / self._rate), velocity
        )
        if len(moments) <= DENSE + 1:
            return levels
        sparse = levels[:, DENSE:].transpose(1, 2)
        filled = torch.nn.functional.interpolate(
            sparse, size=(sparse.shape[2] - 1) * SPARSE + 1, mode="linear", align_corners=True
        )
        return torch.cat([levels[:, :DENSE], filled.transpose(1, 2)], 1)

    def _sound(self, hit: Hit, wave: Tensor, levels: Tensor, generator: Generator) -> Tensor:
        """A hit's sound from the frame its start falls in."""
        loud = (levels.amax(1) > SILENT).nonzero()
        length = max(int(loud[-1]) + 1 if len(loud) else 1, 2)
        low = lay(wave, math.ceil(hit.start) - hit.start, self._rate)
        frames = max(length * HOP, len(low) + 1)
        sound = shaped_noise(levels[:length], HOP, frames, self._rate, generator)
        offset = math.ceil(hit.start) - math.floor(hit.start)
        sound[offset : offset + len(low)] += low[: len(sound) - offset]
        if hit.choke_seconds < math.inf:
            seconds = torch.arange(len(sound)) / self._rate - hit.choke_seconds
            sound *= torch.exp(-seconds.clamp(min=0) / CHOKE_SECONDS)
        sound[:offset] = 0
        return sound * hit.velocity**2


def noise_levels(weights: Weights, piece: int, kit: int, age: Tensor, velocity: Tensor) -> Tensor:
    """Noise levels (hits, ages, BANDS) at full velocity's loudness; ages in seconds (ages,)."""
    bank = one_of_bank(weights, "hit", piece)
    shape = (len(velocity), len(age))
    frames = features(age.expand(shape), torch.full(shape, -1.0), velocity[:, None].expand(shape))
    flat = frames.flatten(0, 1)
    key = torch.full((len(flat),), kit)
    return run_bank(bank, "hit", flat[None], key[None])[0].exp().view(*shape, -1)
