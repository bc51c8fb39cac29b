"""BS-RoFormer and Mel-Band RoFormer, computed in another order of the same sums.

Attention along time and along the bands in turn, then a mask for each band and source. Blocks of
tokens go through a layer at a time, so that its wide insides stay in the cache; masks are made
source by source and applied at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn import functional

from stems.splitting.parallel import Tick
from stems.splitting.roformer_layout import Layout
from stems.splitting.roformer_weights import (
    Axis,
    Block,
    Weights,
    folded,
    mapped,
    with_turning,
)

TOKENS = 1024  # that go through a layer at a time


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
        self.weights = mapped(self.weights, lambda each: each.to(device))
        return self


class LeanRoformer:
    """A network's forward in one precision: float32 (no copy of the weights) or bfloat16."""

    def __init__(self, network: Roformer, dtype: torch.dtype) -> None:
        self.network, self.layout, self.dtype = network, network.layout, dtype
        self.weights: Weights = network.weights
        if dtype != torch.float32:
            self.weights = mapped(network.weights, lambda each: each.to(dtype))
            self.weights = with_turning(self.weights, network.weights)
        self.angles: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def drop_originals(self) -> None:
        """Give back the weights it was made of, where it has its own."""
        self.network.weights = self.weights

    def __call__(self, mixes: Tensor, tick: Tick) -> Tensor:
        """Sources (batch, sources, 2, frames) of mixes (batch, 2, frames), the rest last."""
        with torch.inference_mode():
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
