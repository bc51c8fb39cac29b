"""The way from noise to music: Euler steps along the velocity field, under changing contexts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from torch import Tensor

from diffusion.ace_step.velocity import Velocity, expand, side_by_side

# Adaptive projected guidance (Sadat et al., arXiv 2410.02416) with the model's own constants.
MOMENTUM, NORM_LIMIT = -0.75, 2.5

StepHook = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """Conditions that hold for the first `steps` steps that are left.

    `memory` is that of one prompt, `context` is (1, frames, 2 x channels): source and mask.
    """

    steps: int
    memory: tuple[Tensor, ...]
    context: Tensor


def schedule(steps: int, shift: float) -> tuple[float, ...]:
    """Times from 1 (noise) down, without the final 0, evenly spaced but for the shift."""
    even = torch.linspace(1.0, 0.0, steps + 1)[:-1]
    return tuple((shift * even / (1 + (shift - 1) * even)).tolist())


def noise(seeds: Sequence[int], frames: int, channels: int) -> Tensor:
    """Noise (batch, frames, channels), each item from its own seed, the same on any device."""
    drawn = [
        torch.randn(1, frames, channels, generator=torch.Generator().manual_seed(seed))
        for seed in seeds
    ]
    return torch.cat(drawn)


def sample(
    velocity: Velocity,
    latents: Tensor,
    times: Sequence[float],
    phases: Sequence[Phase],
    *,
    guidance_scale: float = 1.0,
    null_memory: tuple[Tensor, ...] | None = None,
    after_step: StepHook = lambda done, latents: latents,
) -> Tensor:
    """Follow the field from `latents` (batch, frames, channels; float32) at times[0] to 0.

    With `guidance_scale` over 1, `null_memory` holds the unconditional one. `after_step` hears how
    many steps are done, may change the latents, and may raise to stop.
    """
    batch = latents.shape[0]
    momentum = MomentumBuffer(MOMENTUM)
    for done, (time, following) in enumerate(zip(times, [*times[1:], 0.0], strict=True)):
        phase = _phase_at(phases, done)
        context = phase.context.expand(batch, -1, -1)
        memory = expand(phase.memory, batch)
        if guidance_scale > 1 and null_memory is not None:
            both = velocity(
                torch.cat([latents, latents]),
                time,
                side_by_side(memory, expand(null_memory, batch)),
                torch.cat([context, context]),
            )
            direction = _guided(both, guidance_scale, momentum)
        else:
            direction = velocity(latents, time, memory, context)
        latents = after_step(done + 1, latents + (following - time) * direction)
    return latents


def _phase_at(phases: Sequence[Phase], step: int) -> Phase:
    for phase in phases:
        if step < phase.steps:
            return phase
        step -= phase.steps
    return phases[-1]


def _guided(both: Tensor, guidance_scale: float, momentum: MomentumBuffer) -> Tensor:
    conditional, unconditional = both.chunk(2)
    guided: Tensor = normalized_guidance(
        pred_cond=conditional,
        pred_uncond=unconditional,
        guidance_scale=guidance_scale - 1.0,
        momentum_buffer=momentum,
        eta=0.0,
        norm_threshold=NORM_LIMIT,
        use_original_formulation=True,
        norm_dim=(1,),
    )
    return guided
