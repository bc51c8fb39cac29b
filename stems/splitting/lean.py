"""HTDemucs (Rouard, Massa, Defossez 2023, arXiv 2211.08553) computed with less to move about.

The same weights and the same sums as demucs.htdemucs.HTDemucs in eval mode, in another order:

* tensors lie with their channels last, as matrix multiplication wants them, and are never turned;
* a frequency's rows do not depend on each other within most of a layer, so a few rows at a time go
  through all of it and stay in the processor's cache;
* what a residual branch widens is never normalised: the moments of its few channels before tell
  those of its many after, so the norm goes into the weights that widen it;
* the end is computed a source at a time, into the sound that is given back;
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
WIDE_TOKENS = 1 << 9  # the same where a token is 2048 channels wide


class LeanHTDemucs:
    """A drop-in for `module(mix)`: mixes (batch, 2, frames) to (batch, sources, 2, frames).

    The weights are those of the module; in bfloat16 those that are multiplied are copied. May be
    called by several threads at once.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._stock = module
        self._dtype = dtype
        self._encoder = [_Encoder(layer, dtype) for layer in module.encoder]
        self._tencoder = [_Encoder(layer, dtype) for layer in module.tencoder]
        self._decoder = [_Decoder(layer, dtype) for layer in module.decoder]
        self._tdecoder = [_Decoder(layer, dtype) for layer in module.tdecoder]
        self._transformer = _Transformer(module, dtype)

    def drop_originals(self) -> None:
        """Let the module go without the transformer's matrices, of which we have copies.

        Only in bfloat16; the module can be computed by nobody else from then on.
        """
        if self._dtype == torch.float32:
            return
        for part in self._stock.crosstransformer.modules():
            for name in ("weight", "in_proj_weight"):
                if isinstance(part, torch.nn.Linear | torch.nn.MultiheadAttention) and (
                    getattr(part, name, None) is not None
                ):
                    getattr(part, name).data = torch.empty(0)

    def __call__(self, mix: Tensor, tick: Callable[[], None] = lambda: None) -> Tensor:
        """`tick` is called before every layer, and may raise to end it."""
        stock = self._stock
        frames = mix.shape[-1]
        mix = functional.pad(mix, (0, int(stock.segment * stock.samplerate) - frames))
        x = stock._magnitude(stock._spec(mix))
        mean, deviation = x.mean((1, 2, 3), keepdim=True), x.std((1, 2, 3), keepdim=True)
        x = ((x - mean) / (1e-5 + deviation)).permute(0, 2, 3, 1)  # batch, bins, times, channels
        mean_t, deviation_t = mix.mean((1, 2), keepdim=True), mix.std((1, 2), keepdim=True)
        xt = ((mix - mean_t) / (1e-5 + deviation_t)).transpose(1, 2)[:, None]
        skips, skips_t, lengths_t = [], [], []
        for index, encode in enumerate(self._encoder):
            tick()
            lengths_t.append(xt.shape[2])
            xt = self._tencoder[index](xt)
            skips_t.append(xt)
            x = encode(x)
            if index == 0:
                rows = torch.arange(x.shape[1], device=x.device)
                x += stock.freq_emb_scale * stock.freq_emb(rows)[:, None]
            skips.append(x)
        x, xt = self._transformer(x, xt, tick)
        for decode, decode_t in zip(self._decoder, self._tdecoder, strict=True):
            tick()
            x = decode(x.add_(skips.pop()))
            xt = decode_t(xt.add_(skips_t.pop()))[:, :, : lengths_t.pop()]
        x.mul_(deviation).add_(mean)
        out = (xt * deviation_t[:, None]).add_(mean_t[:, None])
        out = out[:, 0].transpose(1, 2).unflatten(1, (len(stock.sources), -1)).contiguous()
        for index, parts in enumerate(x.chunk(len(stock.sources), -1)):
            # The channels of a source are the real and imaginary part of each of its own.
            spectrum = torch.view_as_complex(parts.unflatten(-1, (-1, 2)))
            spectrum = spectrum.permute(0, 3, 1, 2).contiguous()
            out[:, index] += stock._ispec(spectrum, mix.shape[-1])
        return out[..., :frames]


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
    return any(each != usual for each in kinds) or any(
        branch[0].kernel_size != (3,) or {branch[1].num_groups, branch[4].num_groups} != {1}
        for branch in dconv.layers
    )


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
    """A product with a matrix (out, in)."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._weight = weight.to(dtype).contiguous()
        self._bias = bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self._dtype), self._weight, self._bias)


class _Branch:
    """A branch of demucs.demucs.DConv: to few channels h and back to many, gated.

    The norm of y = W h + b over a row's times and channels needs the mean and variance of y. With
    the mean m and covariance K of h over time, channel c has mean w_c m + b_c and variance
    w_c K w_c; the variance of y is the mean of these plus the variance of the channels' means.
    So y is never made: norm, layer scale and W become one matrix a row.
    """

    def __init__(self, branch: Any) -> None:
        narrow, self._norm, _, wide, norm, _, layer_scale = branch
        self._taps = torch.cat(list(narrow.weight.unbind(2)))  # (3 x few, many)
        self._few, self._dilation = narrow.out_channels, narrow.dilation[0]
        self._bias = narrow.bias[:, None]
        self._wide, self._wide_bias = wide.weight[:, :, 0], wide.bias
        self._products = self._wide.t() @ self._wide / len(self._wide)
        scale = torch.cat([layer_scale.scale, torch.ones_like(layer_scale.scale)])
        self._gain, self._shift, self._eps = norm.weight * scale, norm.bias * scale, norm.eps
        self._ready = (self._wide * self._gain[:, None]).t().contiguous()

    def add_to(self, x: Tensor) -> None:
        """Add to rows (rows, times, channels) what the branch gives, in place."""
        few = functional.gelu(self._narrowed(x))
        matrix, bias = self._widening(few)
        channels = x.shape[2]
        few = few.transpose(1, 2)
        size = x.shape[1] if len(x) > 1 else TOKENS
        for given, out in zip(few.split(size, 1), x.split(size, 1), strict=True):
            kept = torch.baddbmm(bias[..., :channels], given, matrix[..., :channels])
            gate = torch.baddbmm(bias[..., channels:], given, matrix[..., channels:])
            out.addcmul_(kept, gate.sigmoid_())

    def _narrowed(self, x: Tensor) -> Tensor:
        """The few channels (rows, few, times), normed: three taps of one product, put together."""
        few, apart = self._few, self._dilation
        taps = torch.matmul(self._taps, x.transpose(1, 2))
        y = taps[:, few : 2 * few] + self._bias
        y[..., apart:] += taps[:, :few, :-apart]
        y[..., :-apart] += taps[:, 2 * few :, apart:]
        norm = self._norm
        return functional.group_norm(y, 1, norm.weight, norm.bias, norm.eps)

    def _widening(self, few: Tensor) -> tuple[Tensor, Tensor]:
        """The matrix (rows, few, 2 x many) and bias (rows, 1, 2 x many) with the norm in them."""
        mean = few.mean(2)
        centred = few - mean[..., None]
        covariance = torch.bmm(centred, centred.transpose(1, 2)) / few.shape[2]
        means = torch.addmm(self._wide_bias, mean, self._wide.t())
        between, middle = torch.var_mean(means, 1, correction=0, keepdim=True)
        within = (covariance * self._products).sum((1, 2))[:, None]
        inverse = (between + within + self._eps).rsqrt()
        bias = (self._wide_bias - middle) * inverse * self._gain + self._shift
        return self._ready * inverse[..., None], bias[:, None]


class _Residual:
    """demucs.demucs.DConv on rows (rows, times, channels), in place: each row has its own norms.

    Always in float32: it is narrow, so that rounding its input would take longer than it saves.
    """

    def __init__(self, dconv: Any) -> None:
        self._branches = [_Branch(branch) for branch in (dconv.layers if dconv else ())]

    def __call__(self, x: Tensor) -> Tensor:
        for branch in self._branches:
            branch.add_to(x)
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
        self._kept, self._gate = (
            _Linear(weight, bias, dtype)
            for weight, bias in zip(
                rewrite.weight.flatten(1).chunk(2), rewrite.bias.chunk(2), strict=True
            )
        )

    def __call__(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (0, 0, 0, -x.shape[2] % self._stride))
        y = self._conv(x)
        batch, rows, times, channels = y.shape
        out = _by_rows(y.reshape(-1, times, channels), self._width, self._one)
        return out.view(batch, rows, times, channels)

    def _one(self, x: Tensor) -> Tensor:
        x = self._residual(functional.gelu(x.float()))
        return _by_tokens(
            x, lambda part: self._kept(part).float().mul_(self._gate(part).float().sigmoid_())
        )


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
        self._query = _Linear(weight[:size], bias[:size], dtype)
        self._key_value = _Linear(weight[size:], bias[size:], dtype)
        self._gains = [getattr(each, "scale", None) for each in (layer.gamma_1, layer.gamma_2)]
        out = attention.out_proj
        self._out = _Linear(out.weight, out.bias, dtype)
        self._wide = _Linear(layer.linear1.weight, layer.linear1.bias, dtype)
        self._narrow = _Linear(layer.linear2.weight, layer.linear2.bias, dtype)
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
        x = _plus(x, self._out(found.transpose(1, 2).flatten(2)), self._gains[0])
        x = _in_pieces(x, WIDE_TOKENS, 1, self._fed_forward)
        return _group_norm(x, self._norm_out) if self._norm_out else x

    def _fed_forward(self, x: Tensor) -> Tensor:
        wide = self._activation(self._wide(self._norm_wide(x)))
        return _plus(x, self._narrow(wide), self._gains[1])

    def _by_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self._heads, -1)).transpose(1, 2)


def _plus(x: Tensor, branch: Tensor, gain: Tensor | None) -> Tensor:
    """A branch added to what it branched off, by a gain a channel."""
    return x + branch if gain is None else torch.addcmul(x, branch.float(), gain)
