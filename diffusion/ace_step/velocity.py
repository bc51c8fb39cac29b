"""The transformer as a velocity field: latents and time in, the direction of less noise out.

The networks are the stock ones, their blocks with less arithmetic. What does not change from step
to step is computed once: keys and values of the cross-attention (they depend on the words alone),
rotary angles and window masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from diffusers.models.transformers.ace_step_transformer import (
    AceStepTransformer1DModel,
    _ace_step_rotary_freqs,
    _create_4d_mask,
)
from torch import Tensor
from torch.nn import functional

from diffusion.ace_step import block
from diffusion.memory import Placement


class Velocity:
    """A transformer with its memory of words; latents are (batch, frames, channels)."""

    def __init__(self, transformer: AceStepTransformer1DModel, placement: Placement) -> None:
        self._transformer, self._placement = transformer, placement
        self._places = lru_cache(maxsize=4)(self._make_places)
        for layer in transformer.layers:
            block.prepare(layer, transformer.config.sliding_window)

    def remember(self, states: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of every layer for condition states (batch, tokens, channels)."""
        states = self._transformer.condition_embedder(states)
        memory = []
        for layer in self._transformer.layers:
            with self._placement.block_on_device(layer):
                memory.append(_keys_and_values(layer.cross_attn, states))
        return tuple(memory)

    def __call__(
        self, latents: Tensor, time: float, memories: Sequence[tuple[Tensor, ...]], context: Tensor
    ) -> Tensor:
        """Velocity at `time` (1 is noise, 0 is music) in float32, of the latents' shape.

        Each of `memories` holds for its share of the batch. `context` is (batch, frames,
        2 x channels): source latents and mask.
        """
        network = self._transformer
        dtype = network.dtype
        times = torch.full((latents.shape[0],), time, device=latents.device, dtype=dtype)
        embedded, modulation = network.time_embed(times)
        embedded_rest, modulation_rest = network.time_embed_r(torch.zeros_like(times))
        embedded, modulation = embedded + embedded_rest, modulation + modulation_rest

        frames = latents.shape[1]
        hidden = torch.cat([context.to(dtype), latents.to(dtype)], dim=-1)
        hidden = functional.pad(hidden, (0, 0, 0, -frames % network.patch_size))
        hidden = network.proj_in_conv(hidden.transpose(1, 2)).transpose(1, 2)
        rotary, window = self._places(hidden.shape[1], dtype, hidden.device)
        for layer, kind, remembered in zip(
            network.layers, network.layer_types, zip(*memories, strict=True), strict=True
        ):
            with self._placement.block_on_device(layer):
                hidden = layer(
                    hidden_states=hidden,
                    position_embeddings=rotary,
                    temb=modulation,
                    attention_mask=window if kind == "sliding_attention" else None,
                    encoder_hidden_states=remembered,
                )
        shift, scale = (network.scale_shift_table + embedded.unsqueeze(1)).chunk(2, dim=1)
        hidden = (network.norm_out(hidden) * (1 + scale) + shift).type_as(hidden)
        velocity = network.proj_out_conv(hidden.transpose(1, 2)).transpose(1, 2)
        return velocity[:, :frames].float()

    def _make_places(
        self, tokens: int, dtype: torch.dtype, device: torch.device
    ) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        """Rotary angles, and the mask of the window where it hides anything at all."""
        network = self._transformer
        rotary = _ace_step_rotary_freqs(tokens, network.head_dim, network.rope_theta, device, dtype)
        reach = network.config.sliding_window
        if tokens <= reach + 1:
            return rotary, None
        mask = _create_4d_mask(
            tokens, dtype, device, sliding_window=reach, is_sliding_window=True, is_causal=False
        )
        return rotary, mask


def _keys_and_values(attention: Any, states: Tensor) -> Tensor:
    shape = (attention.kv_heads, attention.head_dim)
    keys = attention.norm_k(attention.to_k(states).unflatten(-1, shape))
    values = attention.to_v(states).unflatten(-1, shape)
    return torch.stack([keys.transpose(1, 2), values.transpose(1, 2)])
