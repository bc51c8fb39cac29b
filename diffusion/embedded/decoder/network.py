"""The networks of the decoder: banks of small perceptrons, one perceptron per sound.

After DDSP (Engel et al., 2020) and MIDI-DDSP (Wu et al., 2022): a network predicts the level of
every partial and noise band of a note at an age; oscillators and noise make the sound. Here a
frame needs nothing but its own age, so that any section of a note can be computed by itself.
Weights are plain tensors by name; every function is differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

AGE_BUMPS, RELEASE_BUMPS, WAVES = 24, 10, 16
LOOP_SECONDS = 4.0  # slow waves of a long note repeat with this period

Weights = Mapping[str, Tensor]


def features(age: Tensor, release: Tensor, velocity: Tensor) -> Tensor:
    """What a frame is: (..., FEATURES) from three tensors of one shape.

    `age` and `release` are seconds since the note's start and since its end (negative while it
    is held), `velocity` lies in 0..1.
    """
    held = (release < 0).to(age.dtype)
    release = release.clamp(0, 3)
    age = age.clamp(0, 12)
    wave = torch.arange(1, WAVES + 1, dtype=age.dtype) * (2 * math.pi / LOOP_SECONDS)
    turns = age[..., None] * wave
    return torch.cat(
        [
            _bumps(age / 0.003, AGE_BUMPS, 8.0),
            _bumps(release / 0.01, RELEASE_BUMPS, 5.5) * (1 - held[..., None]),
            turns.sin(),
            turns.cos(),
            torch.stack([age / 4, held, release, velocity, velocity.square()], -1),
        ],
        -1,
    )


def _bumps(ratio: Tensor, count: int, top: float) -> Tensor:
    """`count` overlapping bumps (..., count) along log(1 + ratio) from 0 to `top`."""
    centres = torch.linspace(0, top, count, dtype=ratio.dtype)
    distance = (torch.log1p(ratio)[..., None] - centres) * (count / top)
    return torch.exp(-0.5 * distance.square())


def run_bank(weights: Weights, name: str, frames: Tensor, key: Tensor) -> Tensor:
    """(sounds, frames, outputs) from frames (sounds, frames, FEATURES) and keys (sounds, frames).

    The middle layers are residual.
    """
    table = weights[f"{name}.key"]
    chosen = torch.gather(table, 1, key[..., None].expand(-1, -1, table.shape[-1]))
    hidden = torch.cat([frames, chosen], -1)
    last = sum(k.startswith(f"{name}.") and k.endswith(".weight") for k in weights) - 1
    for index in range(last + 1):
        weight, bias = weights[f"{name}.{index}.weight"], weights[f"{name}.{index}.bias"]
        out = torch.baddbmm(bias.to(hidden.dtype), hidden, weight.to(hidden.dtype))
        if index == last:
            return out
        out = torch.nn.functional.silu(out)
        hidden = out if index == 0 else hidden + out
    raise AssertionError("a bank has at least one layer")


def one_of_bank(weights: Weights, name: str, sound: int) -> dict[str, Tensor]:
    """The weights of one sound of a bank, still as a bank (of one)."""
    prefix = f"{name}."
    return {k: v[sound : sound + 1] for k, v in weights.items() if k.startswith(prefix)}
