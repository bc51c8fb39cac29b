"""BS-RoFormer and Mel-Band RoFormer, computed in another order of the same sums.

Attention along time and along the bands in turn, then a mask for each band and source. What is
folded into weights when they are read: the norms' gains, and the order in which turned pairs of
numbers lie (halves instead of neighbours). Blocks of tokens go through a layer at a time, so that
its wide insides stay in the cache; masks are made source by source and applied at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from stems.errors import StemError
from stems.splitting.parallel import Tick
from stems.splitting.roformer_layout import Layout

TOKENS = 1024  # that go through a layer at a time


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


class Roformer:
    """A network with its weights folded; as demucs' it says `sources`, `samplerate`, `segment`."""

    def __init__(self, layout: Layout, state: Mapping[str, Tensor]) -> None:
        self.layout = layout
        self.sources = [*layout.sources, *([layout.rest] if layout.rest else [])]
        self.samplerate, self.audio_channels = layout.sample_rate, 2
        self.segment: Fraction = layout.segment
        self.weights = folded(layout, state)

    def to(self, device: str) -> Roformer:
        """Move the weights."""
        self.weights = _mapped(self.weights, lambda each: each.to(device))
        return self


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


def _mapped(value: Any, change: Any) -> Any:
    """The same structure of weights with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_mapped(each, change) for each in value)
    if isinstance(value, (Block, Axis, Weights)):
        fields = type(value).__dataclass_fields__
        return type(value)(*(_mapped(getattr(value, name), change) for name in fields))
    return value


class LeanRoformer:
    """A network's forward in one precision: float32 (no copy of the weights) or bfloat16."""

    def __init__(self, network: Roformer, dtype: torch.dtype) -> None:
        self.network, self.layout, self.dtype = network, network.layout, dtype
        self.weights: Weights = network.weights
        if dtype != torch.float32:
            self.weights = _mapped(network.weights, lambda each: each.to(dtype))
            self.weights = _with_turning(self.weights, network.weights)
        self.angles: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def drop_originals(self) -> None:
        """Give back the weights it was made of, where it has its own."""
        self.network.weights = self.weights

    @torch.inference_mode()
    def __call__(self, mixes: Tensor, tick: Tick) -> Tensor:
        """Sources (batch, sources, 2, frames) of mixes (batch, 2, frames), the rest last."""
        return torch.stack([self._one(mix, tick) for mix in mixes])

    def _one(self, mix: Tensor, tick: Tick) -> Tensor:
        layout = self.layout
        window = torch.hann_window(layout.window, device=mix.device)
        spectrum = torch.stft(
            mix, layout.fft, layout.hop, layout.window, window, return_complex=True
        )
        given = torch.view_as_real(spectrum.permute(2, 1, 0).contiguous()).flatten(2)
        x = self._bands_in(given)
        for time, bands in self.weights.pairs:
            self._along(x.transpose(0, 1), time, tick)
            self._along(x, bands, tick)
        if self.weights.gain is not None:
            x = functional.normalize(x, dim=-1) * self.weights.gain
        found = []
        for ways in self.weights.ways_out:
            tick()
            masked = spectrum * self._mask(x, ways)
            if layout.zero_dc:
                masked[:, 0] = 0
            found.append(
                torch.istft(
                    masked, layout.fft, layout.hop, layout.window, window, length=mix.shape[-1]
                )
            )
        if layout.rest:
            found.append(mix - torch.stack(found).sum(0))
        return torch.stack(found)

    def _bands_in(self, given: Tensor) -> Tensor:
        """(moments, bands, dim) of a spectrum (moments, bins, 4)."""
        ways = self.weights.ways_in
        x = given.new_empty(len(given), len(ways), ways[0][0].shape[0])
        for number, ((first, last), way) in enumerate(zip(self.layout.bands, ways, strict=True)):
            x[:, number] = functional.linear(self._normed(given[:, first:last].flatten(1)), *way)
        return x

    def _normed(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=-1).to(self.dtype)

    def _along(self, x: Tensor, axis: Axis, tick: Tick) -> None:
        """Change (lines, places, dim) by the blocks of an axis, some lines at a time."""
        lines = max(1, TOKENS // x.shape[1])
        for at in range(0, len(x), lines):
            tick()
            part = x[at : at + lines].contiguous()
            for block in axis.blocks:
                part += self._attended(part, block)
                for rows in part.flatten(0, 1).split(TOKENS):
                    inner = functional.linear(self._normed(rows), block.wide, block.wide_bias)
                    inner = functional.gelu(inner)
                    rows += functional.linear(inner, block.narrow, block.narrow_bias)
            if axis.gain is not None:
                part = functional.normalize(part, dim=-1) * axis.gain
            x[at : at + lines] = part

    def _attended(self, x: Tensor, block: Block) -> Tensor:
        heads, size = self.layout.heads, self.layout.dim_head
        inner = heads * size
        all_of_it = functional.linear(self._normed(x), block.into, block.into_bias)
        parts = all_of_it[..., : 3 * inner].unflatten(-1, (3, heads, size)).permute(2, 0, 3, 1, 4)
        cosine, sine = self._turning(x.shape[1], block.turning)
        query, key = (self._turned(part, cosine, sine) for part in parts[:2])
        found = functional.scaled_dot_product_attention(query, key, parts[2])
        gates = all_of_it[..., 3 * inner :].sigmoid()
        found = found.transpose(1, 2) * gates[..., None]
        return functional.linear(found.flatten(2), block.out)

    def _turned(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """Each pair of numbers turned by the angle of its place."""
        half = x.shape[-1] // 2
        a, b = x[..., :half], x[..., half:]
        out = x.new_empty(x.shape)
        torch.sub(a * cosine, b * sine, out=out[..., :half])
        torch.add(b * cosine, a * sine, out=out[..., half:])
        return out

    def _turning(self, places: int, speeds: Tensor) -> tuple[Tensor, Tensor]:
        key = places, speeds.data_ptr()
        if key not in self.angles:
            angles = torch.arange(places, device=speeds.device)[:, None] * speeds
            self.angles[key] = angles.cos().to(self.dtype), angles.sin().to(self.dtype)
        return self.angles[key]

    def _mask(self, x: Tensor, ways: tuple[tuple[tuple[Tensor, Tensor], ...], ...]) -> Tensor:
        """A source's complex mask (2, bins, moments): in each bin the mean of its bands' masks."""
        bins = self.layout.fft // 2 + 1
        mask = x.new_zeros(len(x), bins, 4)
        bands_of_bin = x.new_zeros(bins, 1)
        for number, ((first, last), layers) in enumerate(zip(self.layout.bands, ways, strict=True)):
            inner = x[:, number].to(self.dtype)
            for layer in layers[:-1]:
                inner = functional.linear(inner, *layer).tanh()
            found = functional.glu(functional.linear(inner, *layers[-1]), dim=-1)
            mask[:, first:last] += found.unflatten(1, (last - first, 4))
            bands_of_bin[first:last] += 1
        mask /= bands_of_bin
        return torch.view_as_complex(mask.unflatten(2, (2, 2))).permute(2, 1, 0)


def _with_turning(weights: Weights, exact: Weights) -> Weights:
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
