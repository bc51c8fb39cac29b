"""The autoencoder's decoder as a CPU likes it: channels last, in chunks that stay in the cache.

The arithmetic is the stock decoder's. With the channels of a frame side by side, oneDNN's
convolutions need no reordering around them, which the stock layout pays for at every one. The last
blocks, where the frames are many and the channels few, work in chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# A block's three residual units reach 3 x (1 + 3 + 9) of its frames to either side.
CHUNKED_BLOCKS, CHUNK_FRAMES, BLOCK_REACH = 2, 8192, 39


def decoded(decoder: Any, strides: tuple[int, ...], latents: Tensor) -> Tensor:
    """The sound (batch, 2, frames x hop) of latents (batch, channels, frames).

    `decoder` is an OobleckDecoder without weight norm, `strides` are its blocks' factors.
    """
    hidden = latents[:, :, None].contiguous(memory_format=torch.channels_last)
    hidden = _conv(decoder.conv1, hidden)
    first = len(decoder.block) - CHUNKED_BLOCKS
    for number, (block, stride) in enumerate(zip(decoder.block, strides, strict=True)):
        if number < first:
            hidden = _block(block, hidden)
        else:
            hidden = _in_chunks(partial(_block, block), hidden, stride)
    return _in_chunks(
        lambda each: _conv(decoder.conv2, snake(decoder.snake1, each)), hidden, 1
    ).squeeze(2)


def snake(layer: Any, hidden: Tensor) -> Tensor:
    """x + sin(a x)^2 / b as the stock has it, in one buffer: memory is what decoding waits for."""
    alpha, beta = layer.alpha, layer.beta
    if layer.logscale:
        alpha, beta = torch.exp(alpha), torch.exp(beta)
    shape = (1, -1, *(1,) * (hidden.dim() - 2))
    bent = torch.mul(hidden, alpha.view(shape)).sin_().square_()
    return torch.addcmul(hidden, bent, (beta + 1e-9).reciprocal().view(shape), out=bent)


def _block(block: Any, hidden: Tensor) -> Tensor:
    up = block.conv_t1
    hidden = functional.conv_transpose2d(
        snake(block.snake1, hidden), up.weight.unsqueeze(2), up.bias,
        stride=(1, up.stride[0]), padding=(0, up.padding[0]),
        output_padding=(0, up.output_padding[0]),
    )  # fmt: skip
    for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
        branch = _conv(unit.conv1, snake(unit.snake1, hidden))
        hidden = _conv(unit.conv2, snake(unit.snake2, branch)).add_(hidden)
    return hidden


def _conv(layer: Any, hidden: Tensor) -> Tensor:
    """A one-dimensional convolution of (batch, channels, 1, frames)."""
    return functional.conv2d(
        hidden, layer.weight.unsqueeze(2), layer.bias,
        padding=(0, layer.padding[0]), dilation=(1, layer.dilation[0]),
    )  # fmt: skip


def _in_chunks(work: Callable[[Tensor], Tensor], hidden: Tensor, stride: int) -> Tensor:
    """`work`, which gives `stride` frames for one, on chunks with enough around them."""
    frames = hidden.shape[-1]
    size, reach = max(CHUNK_FRAMES // stride, 1), -(-BLOCK_REACH // stride) + 2
    done = []
    for start in range(0, frames, size):
        first, end = max(start - reach, 0), min(start + size, frames)
        chunk = work(hidden[..., first : min(end + reach, frames)])
        done.append(chunk[..., (start - first) * stride : (end - first) * stride])
    return torch.cat(done, dim=-1)
