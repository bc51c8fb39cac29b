"""The way from noise to music: Euler steps along the velocity field, under changing contexts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from torch import Tensor
from torch.nn import functional

from diffusion.ace_step.velocity import Velocity

# Adaptive projected guidance (Sadat et al., arXiv 2410.02416) with the model's own constants.
MOMENTUM, NORM_LIMIT = -0.75, 2.5
RENOISED = 0x5DE  # makes of a take's seed that of the noise which sampler sde adds on the way


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """Conditions that hold for the first `steps` steps that are left.

    `states` are condition states (1 or batch, tokens, channels), `context` is (1 or batch, frames,
    2 x channels): source and mask.
    """

    steps: int
    states: Tensor
    context: Tensor


def schedule(steps: int, shift: float) -> tuple[float, ...]:
    """Times from 1 (noise) down, without the final 0, evenly spaced but for the shift."""
    even = torch.linspace(1.0, 0.0, steps + 1)[:-1]
    return tuple((shift * even / (1 + (shift - 1) * even)).tolist())


def noise(seeds: Sequence[int], frames: int, channels: int) -> Tensor:
    """Noise (batch, frames, channels), each item from its own seed, the same on any device."""
    return _drawn([torch.Generator().manual_seed(seed) for seed in seeds], frames, channels)


def sample(
    velocity: Velocity,
    latents: Tensor,
    times: Sequence[float],
    phases: Sequence[Phase],
    *,
    guidance_scale: float = 1.0,
    null_states: Tensor | None = None,
    dcw: tuple[float, float] = (0.0, 0.0),
    sampler: str = "euler",
    seeds: Sequence[int] = (),
    after_step: Callable[[int, Tensor], Tensor] = lambda done, latents: latents,
) -> Tensor:
    """Follow the field from `latents` (batch, frames, channels; float32) at times[0] to 0.

    The steps of all phases are those of `times`. With `null_states`, the condition states of no
    words, the field is steered away from theirs by `guidance_scale`: one token of them is enough,
    since attention to equal tokens does not depend on their number. `dcw` are the strengths of
    corrected(). `sampler` is euler, heun (the mean of the directions at both ends of a step, but
    for the last: twice the work) or sde, which goes to what it takes for the end and back under
    new noise from `seeds`. `after_step` gets how many steps are done, may change the latents, and
    may raise to stop.
    """
    null = () if null_states is None else (velocity.remember(null_states),)
    momentum = MomentumBuffer(MOMENTUM)
    generators = [torch.Generator().manual_seed(seed ^ RENOISED) for seed in seeds]
    done = 0

    def field(
        at: Tensor, time: float, memories: Sequence[tuple[Tensor, ...]], context: Tensor
    ) -> Tensor:
        found = velocity(torch.cat([at] * len(memories)), time, memories, context)
        return _guided(found, guidance_scale, momentum) if null else found

    for phase in phases:
        if not phase.steps:
            continue
        memories = (velocity.remember(phase.states), *null)
        context = torch.cat([phase.context.expand(latents.shape[0], -1, -1)] * len(memories))
        for _ in range(phase.steps):
            time, following = times[done], [*times, 0.0][done + 1]
            direction = field(latents, time, memories, context)
            if sampler == "heun" and following > 0:
                ahead = latents + (following - time) * direction
                direction = (direction + field(ahead, following, memories, context)) / 2
            clean = latents - time * direction
            if sampler == "sde":
                again = _drawn(generators, *latents.shape[1:]).to(latents)
                moved = following * again + (1 - following) * clean
            else:
                moved = latents + (following - time) * direction
            if any(dcw):
                moved = corrected(moved, clean, time, dcw)
            done += 1
            latents = after_step(done, moved)
    return latents


def corrected(latents: Tensor, clean: Tensor, time: float, dcw: tuple[float, float]) -> Tensor:
    """Latents after a step from `time`, moved away from what the step took for clean ones.

    Differential correction in the wavelet domain (Yu et al., arXiv 2604.16044) with Haar's wavelet
    over pairs of frames: the low band, a pair's mean, by dcw[0] x time, the rest by dcw[1] x
    (1 - time).
    """
    frames = latents.shape[1]
    change = latents - clean
    pairs = functional.pad(change, (0, 0, 0, frames % 2)).unflatten(1, (-1, 2))
    low = pairs.mean(dim=2).repeat_interleave(2, dim=1)[:, :frames]
    return latents + dcw[0] * time * low + dcw[1] * (1 - time) * (change - low)


def _drawn(generators: Sequence[torch.Generator], frames: int, channels: int) -> Tensor:
    """The next noise of each generator, (batch, frames, channels)."""
    each = [torch.randn(1, frames, channels, generator=generator) for generator in generators]
    return torch.cat(each)


def _guided(both: Tensor, guidance_scale: float, momentum: MomentumBuffer) -> Tensor:
    conditional, unconditional = both.chunk(2)
    return normalized_guidance(
        pred_cond=conditional,
        pred_uncond=unconditional,
        guidance_scale=guidance_scale - 1.0,
        momentum_buffer=momentum,
        eta=0.0,
        norm_threshold=NORM_LIMIT,
        use_original_formulation=True,
        norm_dim=(1,),
    )
