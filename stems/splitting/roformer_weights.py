"""RoFormers' weights, read by their public names and folded for roformer's order of the sums.

Norms' gains go into the layers after them, and queries and keys come in an order in which the
turned pairs of numbers lie in halves instead of side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stems.errors import StemError
from stems.splitting.roformer_layout import Layout


@dataclass(frozen=True, slots=True)
class Block:
    """Weights of one attention and its feed-forward: (out, in) as in torch's linear layers.

    `into` gives queries, keys, values and a gate for each head.
    """

    into: Tensor
    into_bias: Tensor
    out: Tensor
    wide: Tensor
    wide_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor
    turning: Tensor  # radians a place, (dim_head / 2,)


@dataclass(frozen=True, slots=True)
class Axis:
    """The blocks along one axis, and the gain of the norm at their end, where there is one."""

    blocks: tuple[Block, ...]
    gain: Tensor | None


@dataclass(frozen=True, slots=True)
class Weights:
    """Of a network: each band's way in, pairs of axes (time, bands), each source's ways out."""

    ways_in: tuple[tuple[Tensor, Tensor], ...]
    pairs: tuple[tuple[Axis, Axis], ...]
    gain: Tensor | None
    ways_out: tuple[tuple[tuple[tuple[Tensor, Tensor], ...], ...], ...]


def folded(layout: Layout, state: Mapping[str, Tensor]) -> Weights:
    """Weights out of a state with the public names; all of it must be used. Raises StemError."""
    left = dict(state)

    def take(name: str) -> Tensor:
        if name not in left:
            raise StemError(f"the weights lack {name}, which the configuration asks for")
        return left.pop(name).float()

    def linear(name: str, gain: Tensor | None = None) -> tuple[Tensor, Tensor]:
        weight, bias = take(f"{name}.weight"), take(f"{name}.bias")
        return (weight if gain is None else weight * gain), bias

    def gain_of(name: str) -> Tensor:
        gamma = take(f"{name}.gamma")
        return gamma * gamma.shape[0] ** 0.5

    def block(name: str) -> Block:
        gain = gain_of(f"{name}.0.norm")
        qkv = take(f"{name}.0.to_qkv.weight") * gain
        gates, gates_bias = linear(f"{name}.0.to_gates", gain)
        inner = layout.heads * layout.dim_head
        if qkv.shape[0] != 3 * inner or gates.shape[0] != layout.heads:
            raise StemError(f"{name} has {qkv.shape[0]} rows of queries, keys and values, and the "
                            f"configuration asks for {3 * inner}")  # fmt: skip
        query, key, value = qkv.split(inner)
        into = torch.cat([_halves(query, layout), _halves(key, layout), value, gates])
        bias = torch.cat([torch.zeros(3 * inner), gates_bias])
        out = take(f"{name}.0.to_out.0.weight")
        left.pop(f"{name}.0.to_out.0.bias", None)
        turning = take(f"{name}.0.rotary_embed.freqs")
        gain = gain_of(f"{name}.1.net.0")
        wide, narrow = linear(f"{name}.1.net.1", gain), linear(f"{name}.1.net.4")
        return Block(into, bias, out, *wide, *narrow, turning)

    def axis(name: str) -> Axis:
        count = _count(left, f"{name}.layers.")
        blocks = tuple(block(f"{name}.layers.{number}") for number in range(count))
        return Axis(blocks, gain_of(f"{name}.norm") if f"{name}.norm.gamma" in left else None)

    def way_out(name: str) -> tuple[tuple[Tensor, Tensor], ...]:
        layers = sorted({int(k[len(name) + 1 :].split(".")[0]) for k in left if k.startswith(name)})
        return tuple(linear(f"{name}.{number}") for number in layers)

    ways_in = tuple(
        linear(f"band_split.to_features.{number}.1", gain_of(f"band_split.to_features.{number}.0"))
        for number in range(len(layout.bands))
    )
    pairs = tuple(
        (axis(f"layers.{number}.0"), axis(f"layers.{number}.1"))
        for number in range(_count(left, "layers."))
    )
    gain = gain_of("final_norm") if "final_norm.gamma" in left else None
    ways_out = tuple(
        tuple(
            way_out(f"mask_estimators.{source}.to_freqs.{number}.0")
            for number in range(len(layout.bands))
        )
        for source in range(len(layout.sources))
    )
    if left:
        raise StemError(f"the weights hold {min(left)} ({len(left)} such), which the configuration "
                        "does not ask for")  # fmt: skip
    if not pairs or not all(pair[0].blocks and pair[1].blocks for pair in pairs):
        raise StemError("the weights hold no layers")
    return Weights(ways_in, pairs, gain, ways_out)


def _count(state: Mapping[str, Any], before: str) -> int:
    numbers = [name[len(before) :].split(".")[0] for name in state if name.startswith(before)]
    return len({number for number in numbers if number.isdigit()})


def _halves(rows: Tensor, layout: Layout) -> Tensor:
    """Rows of each head reordered: first those at even places, then those at odd ones."""
    heads = rows.unflatten(0, (layout.heads, layout.dim_head // 2, 2))
    return heads.transpose(1, 2).flatten(0, 2)


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure of weights with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple):
        return tuple(mapped(each, change) for each in value)
    if isinstance(value, (Block, Axis, Weights)):
        fields = type(value).__dataclass_fields__
        return type(value)(*(mapped(getattr(value, name), change) for name in fields))
    return value


def with_turning(weights: Weights, exact: Weights) -> Weights:
    """`weights` with speeds of turning and gains, which are not multiplied, in full precision."""

    def axis(rough: Axis, fine: Axis) -> Axis:
        blocks = tuple(
            Block(*(getattr(b if name != "turning" else f, name) for name in
                    Block.__dataclass_fields__))
            for b, f in zip(rough.blocks, fine.blocks, strict=True)
        )  # fmt: skip
        return Axis(blocks, fine.gain)

    pairs = tuple(
        (axis(r[0], f[0]), axis(r[1], f[1]))
        for r, f in zip(weights.pairs, exact.pairs, strict=True)
    )
    return Weights(weights.ways_in, pairs, exact.gain, weights.ways_out)
