"""HTDemucs' transformer on (batch, tokens, channels), for LeanHTDemucs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from stems.splitting.lean_layers import Linear, in_pieces

WIDE_TOKENS = 1 << 9  # of 2048 channels, at a time


class Transformer:
    """demucs.transformer.CrossTransformerEncoder, with the projections before and after it."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        stock = module.crosstransformer
        self._stock = stock
        self._layers = [_Attention(layer, dtype) for layer in stock.layers]
        self._layers_t = [_Attention(layer, dtype) for layer in stock.layers_t]
        self._is_cross = [index % 2 != stock.classic_parity for index in range(stock.num_layers)]
        self._around = [
            Linear(layer.weight[:, :, 0], layer.bias, dtype)
            for layer in (
                module.channel_upsampler, module.channel_upsampler_t,
                module.channel_downsampler, module.channel_downsampler_t,
            )
        ] if module.bottom_channels else []  # fmt: skip

    def __call__(self, x: Tensor, xt: Tensor, tick: Callable[[], None]) -> tuple[Tensor, Tensor]:
        batch, bins, times, _ = x.shape
        x, xt = x.flatten(1, 2), xt[:, 0]
        if self._around:
            x, xt = self._around[0](x).float(), self._around[1](xt).float()
        place, place_t = self._places(bins, times, xt.shape[1], x.shape[-1])
        weight = self._stock.weight_pos_embed
        x = self._stock.norm_in(x) + weight * place.to(x.device)
        xt = self._stock.norm_in_t(xt) + weight * place_t.to(x.device)
        for layer, layer_t, is_cross in zip(
            self._layers, self._layers_t, self._is_cross, strict=True
        ):
            tick()
            if is_cross:
                x, xt = layer(x, xt), layer_t(xt, x)
            else:
                x, xt = layer(x, None), layer_t(xt, None)
        if self._around:
            x, xt = self._around[2](x).float(), self._around[3](xt).float()
        return x.view(batch, bins, times, -1), xt[:, None]

    def _places(self, bins: int, times: int, times_t: int, channels: int) -> tuple[Tensor, Tensor]:
        """Embeddings of the places of all tokens, in the order in which ours lie."""
        from demucs.transformer import create_2d_sin_embedding, create_sin_embedding

        period = self._stock.max_period
        flat = create_2d_sin_embedding(channels, bins, times, "cpu", period)
        line = create_sin_embedding(times_t, channels, shift=0, device="cpu", max_period=period)
        return flat.flatten(2).transpose(1, 2).contiguous(), line.transpose(0, 1).contiguous()


class _Attention:
    """One layer on tokens (batch, tokens, channels), to themselves or across to the others'."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        attention = getattr(layer, "self_attn", None) or layer.cross_attn
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        size = attention.embed_dim
        self._is_cross = hasattr(layer, "cross_attn")
        self._heads = attention.num_heads
        self._query = Linear(weight[:size], bias[:size], dtype)
        self._key_value = Linear(weight[size:], bias[size:], dtype)
        self._gains = [getattr(each, "scale", None) for each in (layer.gamma_1, layer.gamma_2)]
        out = attention.out_proj
        self._out = Linear(out.weight, out.bias, dtype)
        self._wide = Linear(layer.linear1.weight, layer.linear1.bias, dtype)
        self._narrow = Linear(layer.linear2.weight, layer.linear2.bias, dtype)
        self._activation = layer.activation
        self._norm = layer.norm1
        self._norm_others = layer.norm2 if self._is_cross else layer.norm1
        self._norm_wide = layer.norm3 if self._is_cross else layer.norm2
        self._norm_out = layer.norm_out

    def __call__(self, x: Tensor, others: Tensor | None) -> Tensor:
        given = self._norm(x)
        keyed = given if others is None else self._norm_others(others)
        query = self._by_heads(self._query(given))
        key, value = (self._by_heads(each) for each in self._key_value(keyed).chunk(2, -1))
        found = functional.scaled_dot_product_attention(query, key, value)
        x = _plus(x, self._out(found.transpose(1, 2).flatten(2)), self._gains[0])
        x = in_pieces(x, WIDE_TOKENS, 1, self._fed_forward)
        return _group_norm(x, self._norm_out) if self._norm_out else x

    def _fed_forward(self, x: Tensor) -> Tensor:
        wide = self._activation(self._wide(self._norm_wide(x)))
        return _plus(x, self._narrow(wide), self._gains[1])

    def _by_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self._heads, -1)).transpose(1, 2)


def _plus(x: Tensor, branch: Tensor, gain: Tensor | None) -> Tensor:
    """A branch added to what it branched off, by a gain a channel."""
    return x + branch if gain is None else torch.addcmul(x, branch.float(), gain)


def _group_norm(x: Tensor, norm: Any) -> Tensor:
    """A norm over each of (rows, times, channels), by a kernel that takes channels last."""
    rows, times, channels = x.shape
    # Written out, since a view with one row could as well be read as channels first.
    view = x.as_strided(
        (rows, channels, 1, times), (times * channels, 1, times * channels, channels)
    )
    out = functional.group_norm(view, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return out.permute(0, 2, 3, 1).reshape(rows, times, channels)
