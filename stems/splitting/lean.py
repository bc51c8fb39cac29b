"""HTDemucs (Rouard, Massa, Defossez 2023, arXiv 2211.08553) computed with less to move about.

The same weights and the same sums as demucs.htdemucs.HTDemucs in eval mode, in another order:

* tensors lie with their channels last, as matrix multiplication wants them, and are never turned;
* a frequency's rows do not depend on each other within most of a layer, so a few rows at a time go
  through all of it and stay in the processor's cache;
* the scales of the transformer's branches are multiplied into their weights beforehand;
* in bfloat16 only what is multiplied is rounded; sums, norms and what is passed on stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CACHED_FLOATS = 1 << 17  # of the widest tensor that a piece of a layer needs: 512 KiB
WORTH_ROUNDING = 128  # channels summed over; with fewer, rounding takes longer than it saves
TOKENS = 1 << 12  # of a long sequence, at a time, through what knows no neighbours


class LeanHTDemucs:
    """A drop-in for `module(mix)`: mixes (batch, 2, frames) to (batch, sources, 2, frames).

    The weights are copied, in the precision in which they are multiplied.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._stock = module
        self._dtype = dtype
        self._encoder = [_Encoder(layer, dtype) for layer in module.encoder]
        self._tencoder = [_Encoder(layer, dtype) for layer in module.tencoder]
        self._decoder = [_Decoder(layer, dtype) for layer in module.decoder]
        self._tdecoder = [_Decoder(layer, dtype) for layer in module.tdecoder]
        self._transformer = _Transformer(module, dtype)

    def __call__(self, mix: Tensor) -> Tensor:
        stock = self._stock
        frames = mix.shape[-1]
        mix = functional.pad(mix, (0, int(stock.segment * stock.samplerate) - frames))
        spectrum = stock._spec(mix)
        x = stock._magnitude(spectrum)
        batch, _, bins, times = x.shape
        mean, deviation = x.mean((1, 2, 3), keepdim=True), x.std((1, 2, 3), keepdim=True)
        x = ((x - mean) / (1e-5 + deviation)).permute(0, 2, 3, 1)  # batch, bins, times, channels
        mean_t, deviation_t = mix.mean((1, 2), keepdim=True), mix.std((1, 2), keepdim=True)
        xt = ((mix - mean_t) / (1e-5 + deviation_t)).transpose(1, 2)[:, None]
        skips, skips_t, lengths_t = [], [], []
        for index, encode in enumerate(self._encoder):
            lengths_t.append(xt.shape[2])
            xt = self._tencoder[index](xt)
            skips_t.append(xt)
            x = encode(x)
            if index == 0:
                rows = torch.arange(x.shape[1], device=x.device)
                x += stock.freq_emb_scale * stock.freq_emb(rows)[:, None]
            skips.append(x)
        x, xt = self._transformer(x, xt)
        for decode, decode_t in zip(self._decoder, self._tdecoder, strict=True):
            x = decode(x + skips.pop())
            xt = decode_t(xt + skips_t.pop())[:, :, : lengths_t.pop()]
        sources = len(stock.sources)
        x = x.permute(0, 3, 1, 2).reshape(batch, sources, -1, bins, times)
        x = x * deviation[:, None] + mean[:, None]
        x = stock._ispec(stock._mask(spectrum, x), mix.shape[-1])
        xt = xt[:, 0].transpose(1, 2).reshape(batch, sources, -1, mix.shape[-1])
        return (x + xt * deviation_t[:, None] + mean_t[:, None])[..., :frames]


def is_lean(module: Any) -> bool:
    """Say whether LeanHTDemucs knows how to compute this network."""
    from demucs.hdemucs import HDecLayer, HEncLayer
    from demucs.htdemucs import HTDemucs
    from demucs.transformer import MyTransformerEncoderLayer

    if type(module) is not HTDemucs or not module.crosstransformer:
        return False
    encoders = [*module.encoder, *module.tencoder]
    decoders = [*module.decoder, *module.tdecoder]
    across = module.crosstransformer
    return (
        module.cac
        and module.use_train_segment
        and module.freq_emb is not None
        and len(module.encoder) == len(module.tencoder)
        and all(type(each) is HEncLayer for each in encoders)
        and all(type(each) is HDecLayer for each in decoders)
        and not any(each.empty or each.norm or not each.pad for each in (*encoders, *decoders))
        and all(each.rewrite is not None for each in (*encoders, *decoders))
        and not any(_is_unusual(each.dconv) for each in (*encoders, *decoders) if each.dconv)
        and across.emb == "sin"
        and all(each.norm_first and not each.sparse for each in (*across.layers, *across.layers_t))
        and all(
            type(each) is MyTransformerEncoderLayer
            for each in across.layers[across.classic_parity :: 2]
        )
        and all(
            type(norm) is torch.nn.LayerNorm
            for each in (*across.layers, *across.layers_t)
            for norm in (each.norm1, each.norm2, getattr(each, "norm3", each.norm1))
        )
        and type(across.norm_in) is torch.nn.LayerNorm
    )


def _is_unusual(dconv: Any) -> bool:
    """Say whether a residual branch is other than convolution, norm, GELU, convolution, norm."""
    kinds = [[type(part).__name__ for part in branch] for branch in dconv.layers]
    usual = ["Conv1d", "GroupNorm", "GELU", "Conv1d", "GroupNorm", "GLU", "LayerScale"]
    return any(each != usual for each in kinds)


class _Convolution:
    """A 1- or 2-dimensional convolution of (batch, rows, times, channels)."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        self._dtype = dtype
        weight = layer.weight if layer.weight.dim() == 4 else layer.weight[:, :, None]
        self._weight = weight.to(dtype, memory_format=torch.channels_last)
        self._bias = layer.bias.to(dtype)
        self._is_transposed = isinstance(layer, torch.nn.ConvTranspose1d | torch.nn.ConvTranspose2d)
        one = (0,) if layer.weight.dim() == 3 else ()
        self._stride = (1,) * len(one) + layer.stride
        self._padding = one + layer.padding
        self._dilation = (1,) * len(one) + layer.dilation

    def __call__(self, x: Tensor) -> Tensor:
        given = x.to(self._dtype).permute(0, 3, 1, 2)
        if self._is_transposed:
            out = functional.conv_transpose2d(given, self._weight, self._bias, self._stride)
        else:
            out = functional.conv2d(
                given, self._weight, self._bias, self._stride, self._padding, self._dilation
            )
        return out.permute(0, 2, 3, 1)


class _Linear:
    """A product with a matrix (out, in), whose rows may be scaled."""

    def __init__(
        self, weight: Tensor, bias: Tensor, dtype: torch.dtype, scale: Tensor | None = None
    ) -> None:
        if scale is not None:
            weight, bias = weight * scale[:, None], bias * scale
        self._dtype = dtype
        self._weight = weight.to(dtype).contiguous()
        self._bias = bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self._dtype), self._weight, self._bias)


class _Residual:
    """demucs.demucs.DConv on rows (rows, times, channels): each row has norms of its own.

    Always in float32: it is narrow, so that rounding its input would take longer than it saves.
    """

    def __init__(self, dconv: Any) -> None:
        self._branches = [
            (
                _Convolution(branch[0], torch.float32), branch[1],
                _Linear(branch[3].weight[:, :, 0], branch[3].bias, torch.float32), branch[4],
                branch[6].scale,
            )
            for branch in (dconv.layers if dconv else ())
        ]  # fmt: skip

    def __call__(self, x: Tensor) -> Tensor:
        for narrow, norm, widen, norm_wide, scale in self._branches:
            y = functional.gelu(_group_norm(narrow(x[:, None])[:, 0], norm))
            y = _group_norm(widen(y), norm_wide)
            x = torch.addcmul(x, _gated(y), scale)
        return x


def _gated(x: Tensor) -> Tensor:
    """functional.glu(x, -1) in float32, on halves laid out alone: that takes a quarter as long."""
    kept, gate = (half.float().contiguous() for half in x.chunk(2, -1))
    return kept.mul_(gate.sigmoid_())


def _group_norm(x: Tensor, norm: Any) -> Tensor:
    """A norm over each of (rows, times, channels), by a kernel that takes channels last."""
    rows, times, channels = x.shape
    # Written out, since a view with one row could as well be read as channels first.
    view = x.as_strided(
        (rows, channels, 1, times), (times * channels, 1, times * channels, channels)
    )
    out = functional.group_norm(view, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return out.permute(0, 2, 3, 1).reshape(rows, times, channels)


def _by_rows(x: Tensor, width: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Do (rows, times, channels) a few rows at a time; `width` is the most channels needed."""
    floats = CACHED_FLOATS * torch.get_num_threads()  # each has a cache of its own
    return _in_pieces(x, max(1, floats // (x.shape[1] * width)), 0, work)


def _by_tokens(x: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Do (rows, times, channels) some times at a time, where they do not know each other."""
    return work(x) if len(x) > 1 else _in_pieces(x, TOKENS, 1, work)


def _in_pieces(x: Tensor, size: int, dim: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    if size >= x.shape[dim]:
        return work(x)
    out: Tensor | None = None
    for index, piece in enumerate(x.split(size, dim)):
        done = work(piece)
        if out is None:
            shape = list(done.shape)
            shape[dim] = x.shape[dim]
            out = done.new_empty(shape)
        out.narrow(dim, index * size, done.shape[dim]).copy_(done)
    assert out is not None
    return out


class _Encoder:
    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        self._stride = 1 if layer.freq else layer.stride
        self._conv = _Convolution(layer.conv, dtype)
        self._residual = _Residual(layer.dconv)
        rewrite = layer.rewrite
        self._width = rewrite.out_channels
        if rewrite.in_channels < WORTH_ROUNDING:
            dtype = torch.float32
        self._rewrite = _Linear(rewrite.weight.flatten(1), rewrite.bias, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (0, 0, 0, -x.shape[2] % self._stride))
        y = self._conv(x)
        batch, rows, times, channels = y.shape
        out = _by_rows(y.reshape(-1, times, channels), self._width, self._one)
        return out.view(batch, rows, times, channels)

    def _one(self, x: Tensor) -> Tensor:
        x = self._residual(functional.gelu(x.float()))
        return _by_tokens(x, lambda part: _gated(self._rewrite(part)))


class _Decoder:
    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        self._is_last = layer.last
        self._cut = layer.pad
        self._by_bins = layer.freq
        self._rewrite = _Convolution(layer.rewrite, dtype)
        self._width = layer.rewrite.out_channels
        self._residual = _Residual(layer.dconv)
        self._conv = _Convolution(layer.conv_tr, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        y = self._rewrite(x)
        batch, rows, times, channels = y.shape
        y = _by_rows(y.reshape(-1, times, channels), self._width, self._one)
        y = self._conv(y.view(batch, rows, times, -1))
        cut = self._cut
        y = y[:, cut:-cut] if self._by_bins else y[:, :, cut:]
        return y.float() if self._is_last else functional.gelu(y.float())

    def _one(self, x: Tensor) -> Tensor:
        return self._residual(_by_tokens(x, lambda part: _gated(part)))


class _Transformer:
    """demucs.transformer.CrossTransformerEncoder, with the projections before and after it."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        stock = module.crosstransformer
        self._stock = stock
        self._layers = [_Attention(layer, dtype) for layer in stock.layers]
        self._layers_t = [_Attention(layer, dtype) for layer in stock.layers_t]
        self._is_cross = [index % 2 != stock.classic_parity for index in range(stock.num_layers)]
        self._around = [
            _Linear(layer.weight[:, :, 0], layer.bias, dtype)
            for layer in (
                module.channel_upsampler, module.channel_upsampler_t,
                module.channel_downsampler, module.channel_downsampler_t,
            )
        ] if module.bottom_channels else []  # fmt: skip

    def __call__(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
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
        self._query = _Linear(weight[:size], bias[:size], dtype)
        self._key_value = _Linear(weight[size:], bias[size:], dtype)
        gains = [getattr(each, "scale", None) for each in (layer.gamma_1, layer.gamma_2)]
        out = attention.out_proj
        self._out = _Linear(out.weight, out.bias, dtype, gains[0])
        self._wide = _Linear(layer.linear1.weight, layer.linear1.bias, dtype)
        self._narrow = _Linear(layer.linear2.weight, layer.linear2.bias, dtype, gains[1])
        self._activation = layer.activation
        self._norm = layer.norm1
        self._norm_others = layer.norm2 if self._is_cross else layer.norm1
        self._norm_wide = layer.norm3 if self._is_cross else layer.norm2
        self._norm_out = layer.norm_out

    def __call__(self, x: Tensor, others: Tensor | None) -> Tensor:
        given = self._norm(x)
        heard = given if others is None else self._norm_others(others)
        query = self._by_heads(self._query(given))
        key, value = (self._by_heads(each) for each in self._key_value(heard).chunk(2, -1))
        found = functional.scaled_dot_product_attention(query, key, value)
        x = x + self._out(found.transpose(1, 2).flatten(2))
        x = x + self._narrow(self._activation(self._wide(self._norm_wide(x))))
        return _group_norm(x, self._norm_out) if self._norm_out else x

    def _by_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self._heads, -1)).transpose(1, 2)
