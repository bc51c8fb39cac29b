"""The transformer: the architecture of ACE-Step 1.5's, small, in plain torch.

What diffusers' AceStepTransformer1DModel computes, bit for bit and under the same names of weights
(a test holds it to that), without diffusers: importing that takes longer than playing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPSILON = 1e-6
ROTARY_BASE = 10_000.0  # the longest wave of a token's position, in tokens, is 2 pi times this
TIME_CHANNELS, TIME_SCALE, TIME_BASE = 256, 1000.0, 10_000.0

Rotation = tuple[Tensor, Tensor]  # cosines and sines (tokens, channels of a head)


class Transformer(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Frames in patches through blocks of attention; each second block sees the whole piece.

    The other blocks see `window` tokens to either side.
    """

    def __init__(
        self, in_channels: int, out_channels: int, hidden: int, layers: int, heads: int,
        window: int, patch_frames: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.window, self.patch_frames, self.head_channels = window, patch_frames, hidden // heads
        self.layers = nn.ModuleList(_Block(hidden, heads) for _ in range(layers))
        self.proj_in_conv = nn.Conv1d(in_channels, hidden, patch_frames, patch_frames)
        self.time_embed, self.time_embed_r = _Time(hidden), _Time(hidden)
        self.condition_embedder = nn.Linear(hidden, hidden)
        self.norm_out = _Norm(hidden)
        self.proj_out_conv = nn.ConvTranspose1d(hidden, out_channels, patch_frames, patch_frames)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, hidden) / hidden**0.5)

    def forward(self, frames: Tensor, time: Tensor, context: Tensor, words: Tensor) -> Tensor:
        """Return what is predicted, (batch, frames, out channels).

        `frames` and `context` (batch, frames, channels) are one input side by side, `time`
        (batch,) is in 0..1, `words` (batch, words, hidden) is what cross-attention sees.
        """
        level, modulation = self.time_embed(time)
        still_level, still_modulation = self.time_embed_r(time - time)
        level, modulation = level + still_level, modulation + still_modulation
        given = torch.cat([context, frames], dim=-1)
        count = given.shape[1]
        given = functional.pad(given, (0, 0, 0, -count % self.patch_frames))
        hidden = self.proj_in_conv(given.transpose(1, 2)).transpose(1, 2)
        words = self.condition_embedder(words)
        rotation = _rotation(hidden.shape[1], self.head_channels, hidden)
        band = _band(hidden.shape[1], self.window, hidden)
        for number, block in enumerate(self.layers):
            hidden = block(hidden, rotation, modulation, words, None if number % 2 else band)
        shift, scale = (self.scale_shift_table + level[:, None]).chunk(2, dim=1)
        hidden = (self.norm_out(hidden) * (1 + scale) + shift).type_as(hidden)
        return self.proj_out_conv(hidden.transpose(1, 2)).transpose(1, 2)[:, :count]


class _Block(nn.Module):  # type: ignore[misc]
    """Attention to the other tokens, attention to the words, and two layers for each token."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.self_attn_norm, self.self_attn = _Norm(hidden), _Attention(hidden, heads)
        self.cross_attn_norm, self.cross_attn = _Norm(hidden), _Attention(hidden, heads)
        self.mlp_norm, self.mlp = _Norm(hidden), _Gated(hidden, 3 * hidden)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, hidden) / hidden**0.5)

    def forward(
        self, hidden: Tensor, rotation: Rotation, modulation: Tensor, words: Tensor,
        mask: Tensor | None,
    ) -> Tensor:  # fmt: skip
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = (
            self.scale_shift_table + modulation
        ).chunk(6, dim=1)
        inner = (self.self_attn_norm(hidden) * (1 + scale) + shift).type_as(hidden)
        attended = self.self_attn(inner, inner, rotation, mask)
        hidden = (hidden + attended * gate).type_as(hidden)
        inner = self.cross_attn_norm(hidden).type_as(hidden)
        hidden = hidden + self.cross_attn(inner, words, None, None)
        inner = (self.mlp_norm(hidden) * (1 + scale_mlp) + shift_mlp).type_as(hidden)
        return (hidden + self.mlp(inner) * gate_mlp).type_as(hidden)


class _Attention(nn.Module):  # type: ignore[misc]
    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads, channels = heads, hidden // heads
        self.to_q = nn.Linear(hidden, hidden, bias=False)
        self.to_k = nn.Linear(hidden, hidden, bias=False)
        self.to_v = nn.Linear(hidden, hidden, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(hidden, hidden, bias=False)])
        self.norm_q, self.norm_k = _Norm(channels), _Norm(channels)

    def forward(
        self, hidden: Tensor, seen: Tensor, rotation: Rotation | None, mask: Tensor | None
    ) -> Tensor:
        query = self.norm_q(self.to_q(hidden).unflatten(-1, (self.heads, -1)))
        key = self.norm_k(self.to_k(seen).unflatten(-1, (self.heads, -1)))
        value = self.to_v(seen).unflatten(-1, (self.heads, -1))
        if rotation is not None:
            query, key = _rotated(query, rotation), _rotated(key, rotation)
        query, key, value = (each.transpose(1, 2) for each in (query, key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.to_out[0](attended.transpose(1, 2).flatten(2, 3).to(query.dtype))


class _Gated(nn.Module):  # type: ignore[misc]
    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))


class _Norm(nn.Module):  # type: ignore[misc]
    """By the root of the mean square (Zhang and Sennrich 2019), in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, hidden: Tensor) -> Tensor:
        power = hidden.to(torch.float32).pow(2).mean(-1, keepdim=True)
        return hidden * torch.rsqrt(power + NORM_EPSILON) * self.weight


class _Time(nn.Module):  # type: ignore[misc]
    """A time in 0..1 as its level (batch, hidden) and what modulates blocks (batch, 6, hidden)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(TIME_CHANNELS, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)
        self.time_proj = nn.Linear(hidden, 6 * hidden)

    def forward(self, time: Tensor) -> tuple[Tensor, Tensor]:
        half = TIME_CHANNELS // 2
        steps = torch.arange(half, dtype=torch.float32, device=time.device)
        hertz = torch.exp(-math.log(TIME_BASE) * steps / half)
        angles = (time * TIME_SCALE)[:, None].float() * hertz[None]
        waves = torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1).to(time.dtype)
        level = self.linear_2(functional.silu(self.linear_1(waves)))
        return level, self.time_proj(functional.silu(level)).unflatten(1, (6, -1))


def _rotation(tokens: int, channels: int, like: Tensor) -> Rotation:
    """Turn positions into angles, a pair of channels each (Su et al. 2021)."""
    powers = torch.arange(0, channels, 2, dtype=torch.float32, device=like.device) / channels
    positions = torch.arange(tokens, dtype=torch.float32, device=like.device)
    angles = torch.outer(positions, 1.0 / ROTARY_BASE**powers)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _rotated(heads: Tensor, rotation: Rotation) -> Tensor:
    """Queries or keys (batch, tokens, heads, channels) turned by their token's angles."""
    cosine, sine = (each[None, :, None] for each in rotation)
    first, second = heads.chunk(2, dim=-1)
    across = torch.cat([-second, first], dim=-1)
    return (heads.float() * cosine + across.float() * sine).to(heads.dtype)


def _band(tokens: int, window: int, like: Tensor) -> Tensor:
    """What is added to attention (1, 1, tokens, tokens): 0 within the window, else the least."""
    places = torch.arange(tokens, device=like.device)
    seen = (places[:, None] - places[None]).abs() <= window
    least = torch.finfo(like.dtype).min
    mask = torch.full((1, 1, tokens, tokens), least, dtype=like.dtype, device=like.device)
    return mask.masked_fill_(seen, 0.0)
