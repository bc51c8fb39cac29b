"""Networks of the decoder before they are fitted: random weights by name."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from diffusion.embedded.decoder.drum_hits import (
    BINS,
    CODE,
    DOUBLINGS,
    GROUP,
    STARTS,
    VELOCITIES,
)
from diffusion.embedded.decoder.network import AGE_BUMPS, RELEASE_BUMPS, WAVES
from diffusion.embedded.decoder.sounds import KITS, PIECES

FEATURES = AGE_BUMPS + RELEASE_BUMPS + 2 * WAVES + 5  # of what the networks are given
WIDTH = 64  # channels of the network of waveforms


def new_bank(
    name: str, sounds: int, keys: int, outputs: int, *, width: int, layers: int, embedding: int
) -> dict[str, Tensor]:
    """Fresh weights of a bank of `sounds` perceptrons, each with a vector for each of `keys`."""
    weights = {f"{name}.key": torch.randn(sounds, keys, embedding) * 0.3}
    sizes = [FEATURES + embedding, *[width] * layers, outputs]
    for index, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        scale = 1.0 / math.sqrt(fan_in)
        weights[f"{name}.{index}.weight"] = torch.randn(sounds, fan_in, fan_out) * scale
        weights[f"{name}.{index}.bias"] = torch.zeros(sounds, 1, fan_out)
    return weights


def new_waves() -> dict[str, Tensor]:
    """Fresh weights of the network that draws the low waveforms."""

    def layer(name: str, out: int, into: int, width: int) -> dict[str, Tensor]:
        scale = 1 / math.sqrt(into * width)
        return {
            f"{name}.weight": torch.randn(out, into, width) * scale,
            f"{name}.bias": torch.zeros(out),
        }

    weights = {"wave.key": torch.randn(len(PIECES) * len(KITS), CODE, STARTS) * 0.5}
    weights |= layer("wave.stroke", CODE * STARTS, VELOCITIES, 1)
    weights |= layer("wave.start", WIDTH, CODE, 3)
    for level in range(DOUBLINGS):
        weights |= layer(f"wave.{level}.in", WIDTH, WIDTH, 5)
        weights |= layer(f"wave.{level}.out", WIDTH, WIDTH, 5)
    return weights | layer("wave.end", BINS + BINS // GROUP, WIDTH, 3)
