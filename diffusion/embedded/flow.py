"""Rectified flow as plain functions: the straight way from noise to latents, and its sampler.

Clean latents x and noise e are joined by x_t = (1 - t) x + t e (Liu et al. 2022); a network that
predicts x gives the flow as (x_t - x) / t. Time steps are crowded towards the noise end, where
what is played is decided, by the shift of Esser et al. 2024 (as ACE-Step 1.5 does).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch

SHIFT = 3.0

Predict = Callable[[torch.Tensor, float], torch.Tensor]  # (noisy latents, time) -> clean latents


def shifted(time: torch.Tensor, shift: float = SHIFT) -> torch.Tensor:
    """Return `time` in 0..1 moved towards 1: shift t / (1 + (shift - 1) t)."""
    return shift * time / (1.0 + (shift - 1.0) * time)


def schedule(steps: int, shift: float = SHIFT) -> list[float]:
    """Return steps + 1 falling times from 1 (noise) to 0 (clean)."""
    return [float(t) for t in shifted(torch.linspace(1.0, 0.0, steps + 1), shift)]


def sample(
    predict: Predict,
    noise: torch.Tensor,
    times: list[float],
    *,
    known: torch.Tensor,
    known_mask: torch.Tensor,
    each_step: Callable[[int], None],
    refine: Callable[[torch.Tensor], torch.Tensor] = lambda clean: clean,
) -> torch.Tensor:
    """Return clean latents by Euler steps along the flow from `noise` (batch, frames, channels).

    Where `known_mask` is 1 the network is shown `known` without noise, as in training, and it is
    what comes out (inpainting). Every prediction passes through `refine`. `each_step` is called
    before every step and may raise to stop.
    """
    x = noise
    for step, (now, then) in enumerate(itertools.pairwise(times)):
        each_step(step)
        clean = predict(torch.where(known_mask > 0, known, x), now)
        clean = refine(torch.where(known_mask > 0, known, clean))
        clean = torch.where(known_mask > 0, known, clean)
        x = clean + (x - clean) * (then / now)
    return x
