"""The timbre of a reference, or of silence: 30 s of it become one token of the condition states."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

SECONDS, PARTS = 30, 3  # the encoder gets front, middle and back
SAMPLE_RATE = 48_000


def excerpt(sound: Tensor) -> Tensor:
    """30 s of a reference (2, frames): 10 s each of front, middle and back; short ones repeat."""
    frames = SECONDS * SAMPLE_RATE
    sound = sound.repeat(1, -(-frames // sound.shape[-1]))
    part = frames // PARTS
    total = sound.shape[-1]
    starts = (0, total // PARTS, total - part)
    return torch.cat([sound[:, start : start + part] for start in starts], dim=-1)


def token_of(encoder: Any, latents: Tensor, *, own_token: bool) -> Tensor:
    """The token (1, 1, channels) that a timbre encoder gives for latents (1, frames, channels).

    It is the encoder's first. With `own_token` its learned `special_token` goes before the frames:
    so the authors' code has it for XL. diffusers leaves it out for all checkpoints.
    """

    def lead(layer: Any, arguments: Any, embedded: Tensor) -> Tensor:
        return torch.cat([encoder.special_token.to(embedded), embedded], dim=1)

    order = torch.zeros(1, dtype=torch.long, device=latents.device)
    with encoder.embed_tokens.register_forward_hook(lead) if own_token else nullcontext():
        token: Tensor = encoder(latents.to(encoder.dtype), order)[0]
    return token
