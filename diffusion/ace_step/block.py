"""A block of the transformer with less arithmetic between its matrices: equal but for rounding.

In bfloat16 the matrices are quick and what lies between them is not: the stock block goes to
float32 and back at each norm and each rotation. Here a norm is one pass for the length and one to
apply it, its weight goes into the modulation or the rotation after it, and sums are fused.
Layers that attend to a window of tokens get that band alone, where stock masks all the rest.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.transformers.ace_step_transformer import (
    AceStepAttnProcessor2_0,
    AceStepTransformerBlock,
)
from torch import Tensor
from torch.nn import functional


class LeanBlock(AceStepTransformerBlock):  # type: ignore[misc]
    """The stock block's forward() for inference; `prepare` makes it of a stock block."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        temb: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: tuple[Tensor, ...] = (),
        encoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Hidden states (batch, tokens, channels) after self- and cross-attention and the MLP.

        `encoder_hidden_states` are memories of keys and values, each for its share of the batch.
        """
        hidden = hidden_states
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = (self.scale_shift_table + temb).chunk(
            6, dim=1
        )
        attended = self.self_attn(
            hidden_states=_modulated(hidden, self.self_attn_norm, shift, scale),
            image_rotary_emb=position_embeddings,
            attention_mask=attention_mask,
        )
        hidden = torch.addcmul(hidden, attended, gate)
        hidden = hidden + self.cross_attn(
            hidden_states=normed(hidden, self.cross_attn_norm),
            encoder_hidden_states=encoder_hidden_states,
        )
        inner = _modulated(hidden, self.mlp_norm, shift_mlp, scale_mlp)
        gated = functional.silu(self.mlp.gate_proj(inner)).mul_(self.mlp.up_proj(inner))
        return torch.addcmul(hidden, self.mlp.down_proj(gated), gate_mlp)


class LeanSelfAttention(AceStepAttnProcessor2_0):  # type: ignore[misc]
    """Self-attention whose rotation takes the norms' weights along.

    `reach` is how many tokens to either side a masked layer attends to.
    """

    def __init__(self, reach: int) -> None:
        super().__init__()
        self._reach = reach

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        assert image_rotary_emb is not None
        query = attn.to_q(hidden_states).unflatten(-1, (attn.heads, attn.head_dim))
        key = attn.to_k(hidden_states).unflatten(-1, (attn.kv_heads, attn.head_dim))
        value = attn.to_v(hidden_states).unflatten(-1, (attn.kv_heads, attn.head_dim))
        query = _rotated(query, attn.norm_q, image_rotary_emb).transpose(1, 2)
        key = _rotated(key, attn.norm_k, image_rotary_emb).transpose(1, 2)
        value = value.transpose(1, 2)
        if attention_mask is None or query.device.type != "cpu":  # a GPU wants few kernels
            return _projected(attn, _attended(attn, query, key, value, attention_mask))
        tokens, size = query.shape[2], 2 * self._reach
        attended = torch.empty_like(query)
        for start in range(0, tokens, size):
            end = min(start + size, tokens)
            band = slice(max(start - self._reach, 0), min(end + self._reach, tokens))
            attended[:, :, start:end] = _attended(
                attn, query[:, :, start:end], key[:, :, band], value[:, :, band],
                attention_mask[..., start:end, band],
            )  # fmt: skip
        return _projected(attn, attended)


class RememberedCrossAttention(AceStepAttnProcessor2_0):  # type: ignore[misc]
    """Cross-attention to memories of keys and values (2, 1 or items, heads, tokens, channels).

    With several memories each is attended to by its share of the batch, in order; nothing is copied
    to bring them to one size.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: tuple[Tensor, ...] = (),
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        query = attn.to_q(hidden_states).unflatten(-1, (attn.heads, attn.head_dim))
        shares = normed(query, attn.norm_q).transpose(1, 2).chunk(len(encoder_hidden_states))
        attended = []
        for share, memory in zip(shares, encoder_hidden_states, strict=True):
            keys, values = memory.expand(-1, len(share), -1, -1, -1).unbind(0)
            attended.append(_attended(attn, share, keys, values, None))
        return _projected(attn, attended[0] if len(attended) == 1 else torch.cat(attended))


def prepare(block: Any, reach: int) -> None:
    """Have a stock block work like this; its weights and adapters stay what they are.

    `reach` is that of the window in those blocks that get a mask.
    """
    block.__class__ = LeanBlock
    block.self_attn.set_processor(LeanSelfAttention(reach))
    block.cross_attn.set_processor(RememberedCrossAttention())


def undo(block: Any) -> None:
    """Make a prepared block a stock one again, through which gradients can go."""
    block.__class__ = AceStepTransformerBlock
    for attention in (block.self_attn, block.cross_attn):
        attention.set_processor(AceStepAttnProcessor2_0())


def normed(hidden: Tensor, norm: Any) -> Tensor:
    """What an RMSNorm gives."""
    return _unit(hidden, norm.eps).mul_(norm.weight)


def _unit(hidden: Tensor, eps: float) -> Tensor:
    """`hidden` over its root mean square along the last axis, which is summed in float32."""
    length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True, dtype=torch.float32)
    mean = length.square_().div_(hidden.shape[-1])
    return hidden * mean.add_(eps).rsqrt_().to(hidden.dtype)


def _modulated(hidden: Tensor, norm: Any, shift: Tensor, scale: Tensor) -> Tensor:
    return torch.addcmul(shift, _unit(hidden, norm.eps), (1 + scale) * norm.weight)


def _rotated(heads: Tensor, norm: Any, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Heads (batch, tokens, heads, channels), normed and turned: x w cos + swapped (x w) sin."""
    cos, sin = (each[:, None] for each in rotary)
    half = heads.shape[-1] // 2
    unit, weight = _unit(heads, norm.eps), norm.weight
    turned = unit * (cos * weight)
    turned[..., :half].addcmul_(unit[..., half:], sin[..., :half] * weight[half:], value=-1)
    turned[..., half:].addcmul_(unit[..., :half], sin[..., half:] * weight[:half])
    return turned


def _attended(attn: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    if mask is not None and query.device.type != "cpu":
        key, value = ungrouped(query, key), ungrouped(query, value)
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=attn.scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )  # fmt: skip


def ungrouped(query: Tensor, shared: Tensor) -> Tensor:
    """Keys or values (batch, heads, tokens, channels) repeated for the query's heads.

    Before torch 2.14 a GPU may have no kernel for a mask with shared heads but the one that keeps
    all scores in memory: 3.6 GB for 600 s.
    """
    return shared.repeat_interleave(query.shape[1] // shared.shape[1], dim=1)


def _projected(attn: Any, attended: Tensor) -> Tensor:
    return attn.to_out[0](attended.transpose(1, 2).flatten(2, 3))
