"""HTDemucs' convolutional layers on (batch, rows, times, channels), for LeanHTDemucs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CACHED_FLOATS = 1 << 17  # of the widest tensor that a piece of a layer needs: 512 KiB
WORTH_ROUNDING = 128  # channels summed over; with fewer, rounding takes longer than it saves
TOKENS = 1 << 12  # of a long sequence, at a time, through what knows no neighbours


class Convolution:
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


class Linear:
    """A product with a matrix (out, in)."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._weight = weight.to(dtype).contiguous()
        self._bias = bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self._dtype), self._weight, self._bias)


class _Branch:
    """A branch of demucs.demucs.DConv: to few channels h and back to many, gated.

    Always in float32: it is narrow, so that rounding its input would take longer than it saves.

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


def _branches(layer: Any) -> list[_Branch]:
    return [_Branch(branch) for branch in (layer.dconv.layers if layer.dconv else ())]


def _gated(x: Tensor) -> Tensor:
    """functional.glu(x, -1) in float32, on halves laid out alone: that takes a quarter as long."""
    kept, gate = (half.float().contiguous() for half in x.chunk(2, -1))
    return kept.mul_(gate.sigmoid_())


def _by_rows(x: Tensor, width: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Do (rows, times, channels) a few rows at a time; `width` is the most channels needed."""
    floats = CACHED_FLOATS * torch.get_num_threads()  # each has a cache of its own
    return in_pieces(x, max(1, floats // (x.shape[1] * width)), 0, work)


def _by_tokens(x: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Do (rows, times, channels) some times at a time, where they do not know each other."""
    return work(x) if len(x) > 1 else in_pieces(x, TOKENS, 1, work)


def in_pieces(x: Tensor, size: int, dim: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `work` to pieces of `size` along `dim`, so that memory stays bounded."""
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


class Encoder:
    """A layer of the encoder, as demucs trains it, in fewer operations."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        self._stride = 1 if layer.freq else layer.stride
        self._conv = Convolution(layer.conv, dtype)
        self._branches = _branches(layer)
        rewrite = layer.rewrite
        self._width = rewrite.out_channels
        if rewrite.in_channels < WORTH_ROUNDING:
            dtype = torch.float32
        self._kept, self._gate = (
            Linear(weight, bias, dtype)
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
        x = functional.gelu(x.float())
        for branch in self._branches:
            branch.add_to(x)
        return _by_tokens(
            x, lambda part: self._kept(part).float().mul_(self._gate(part).float().sigmoid_())
        )


class Decoder:
    """A layer of the decoder, as demucs trains it, in fewer operations."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        self._is_last = layer.last
        self._cut = layer.pad
        self._by_bins = layer.freq
        self._rewrite = Convolution(layer.rewrite, dtype)
        self._width = layer.rewrite.out_channels
        self._branches = _branches(layer)
        self._conv = Convolution(layer.conv_tr, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        y = self._rewrite(x)
        batch, rows, times, channels = y.shape
        y = _by_rows(y.reshape(-1, times, channels), self._width, self._one)
        y = self._conv(y.view(batch, rows, times, -1))
        cut = self._cut
        y = y[:, cut:-cut] if self._by_bins else y[:, :, cut:]
        return y.float() if self._is_last else functional.gelu(y.float())

    def _one(self, x: Tensor) -> Tensor:
        x = _by_tokens(x, _gated)
        for branch in self._branches:
            branch.add_to(x)
        return x
