"""The embedded splitter's network: how much of each moment and frequency belongs to each stem.

A U-Net (Ronneberger et al. 2015; for music Jansson et al. 2017) reads the magnitudes of a mix's
spectrogram and gives each of their points four shares by a softmax. The estimates are the mix's
own spectrogram times these shares, so they add up to the mix whatever the network says.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FFT, HOP = 4096, 1024
# Rows of the spectrogram that the network sees: from bin, to bin, bins averaged in a row.
BANDS = ((0, 256, 1), (256, 768, 2), (768, 2048, 8))
ROWS = sum((last - first) // size for first, last, size in BANDS)
FOLD = 2  # neighbouring rows that are channels of the network
FLOOR = 1e-4  # of the mix's root mean square: magnitudes under it are silence


class MaskNetwork(nn.Module):  # type: ignore[misc]
    """Estimates (batch, sources, 2, frames) of mixes (batch, 2, frames) of any length and level.

    It has what demucs asks of a network, so demucs loads and applies it: `sources`, `samplerate`
    (Hz), `audio_channels` and `segment` (seconds). `channels` are the U-Net's, from the finest
    level to the coarsest; `wide` is the width of the layer that sees all rows at once.
    """

    def __init__(
        self,
        sources: Sequence[str] = ("drums", "bass", "other", "vocals"),
        channels: Sequence[int] = (16, 32, 64, 128, 192),
        wide: int = 160,
        samplerate: int = 44100,
        segment: float = 12.0,
    ) -> None:
        super().__init__()
        self.sources = list(sources)
        self.samplerate = samplerate
        self.audio_channels = 2
        self.segment = segment
        self.settings: dict[str, Any] = {
            "sources": list(sources), "channels": list(channels), "wide": wide,
            "samplerate": samplerate, "segment": segment,
        }  # fmt: skip
        first, levels = channels[0], len(channels) - 1
        self.steps = 2**levels  # frames and folded rows come in multiples of it
        rows = ROWS // FOLD
        if rows % self.steps:
            raise ValueError(f"channels must be at most 5, for {rows} rows, not {len(channels)}")
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)
        self.register_buffer("mean", torch.zeros(ROWS))
        self.register_buffer("deviation", torch.ones(ROWS))
        self.enter = nn.Conv2d(2 * FOLD, first, 3, padding=1, bias=False)
        self.enter_norm = nn.BatchNorm2d(first)
        self.place = nn.Parameter(torch.zeros(first, 1, rows))
        self.down = nn.ModuleList(
            nn.Sequential(_layer(fine, coarse, 2), _layer(coarse, coarse))
            for fine, coarse in pairwise(channels)
        )
        self.across = _Across(channels[-1], rows // self.steps, wide)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 2, 2) for fine, coarse in pairwise(channels)
        )
        self.join = nn.ModuleList(_layer(2 * fine, fine) for fine in channels[:-1])
        self.leave = nn.Conv2d(first, len(sources) * 2 * FOLD, 1)

    def forward(self, mix: Tensor) -> Tensor:
        """Return the stems, which sum to the mix, of a mix of (batch, channels, frames)."""
        spectrum = self.spectrum(mix.float())
        shares = widened(self.shares(self.magnitudes(spectrum))[:, :-1])
        parts = torch.view_as_complex(torch.view_as_real(spectrum)[:, None] * shares[..., None])
        estimates = self.sound(parts, mix.shape[-1])
        last = mix[:, None] - estimates.sum(1, keepdim=True)  # the shares add up to 1
        return torch.cat([estimates, last], 1)

    def spectrum(self, sound: Tensor) -> Tensor:
        """Complex (..., moments, bins) of sound (..., frames); each frame lies in 4 moments."""
        frames = sound.shape[-1]
        moments = -(-(frames + FFT - HOP) // HOP)
        after = (moments - 1) * HOP + FFT - (FFT - HOP) - frames
        padded = functional.pad(sound, (FFT - HOP, after))
        return torch.fft.rfft(padded.unfold(-1, FFT, HOP) * self.window)

    def sound(self, spectrum: Tensor, frames: int) -> Tensor:
        """Sound (..., frames) of a spectrum: its inverse, windowed again and overlapped.

        The squares of Hann windows, a quarter of their length apart, add up to 1.5.
        """
        pieces = torch.fft.irfft(spectrum, FFT).mul_(self.window / 1.5)
        moments, overlap = pieces.shape[-2], FFT // HOP
        out = pieces.new_zeros(*pieces.shape[:-2], moments + overlap - 1, HOP)
        for turn in range(overlap):
            out[..., turn : turn + moments, :] += pieces[..., turn * HOP : (turn + 1) * HOP]
        return out.flatten(-2)[..., FFT - HOP : FFT - HOP + frames]

    def magnitudes(self, spectrum: Tensor) -> Tensor:
        """Roots of magnitudes (batch, 2, moments, ROWS), the same at any level of the mix."""
        power = spectrum.real.square() + spectrum.imag.square()
        loud = power.mean((1, 2, 3), keepdim=True).sqrt()
        return (narrowed(power.sqrt()) / (loud + 1e-12) + FLOOR).sqrt()

    def shares(self, magnitudes: Tensor) -> Tensor:
        """Shares (batch, sources, 2, moments, ROWS) that add up to 1, of magnitudes()."""
        moments = magnitudes.shape[2]
        given = (magnitudes - self.mean) / self.deviation
        given = functional.pad(given, (0, 0, 0, -moments % self.steps))
        x = given.unflatten(-1, (-1, FOLD)).permute(0, 1, 4, 2, 3).flatten(1, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        x = torch.relu(self.enter_norm(self.enter(x)) + self.place)
        finer = []
        for down in self.down:
            finer.append(x)
            x = down(x)
        x = self.across(x)
        for up, join in zip(reversed(self.up), reversed(self.join), strict=True):
            x = join(torch.cat([up(x), finer.pop()], 1))
        logits = self.leave(x).float()[:, :, :moments]
        logits = logits.unflatten(1, (len(self.sources), 2, FOLD)).permute(0, 1, 2, 4, 5, 3)
        return logits.flatten(-2).softmax(1)


class _Across(nn.Module):  # type: ignore[misc]
    """Adds to every row what all rows hold together, now and in the moments around."""

    def __init__(self, channels: int, rows: int, wide: int) -> None:
        super().__init__()
        self.shape = rows, channels
        self.gather = nn.Linear(rows * channels, wide)
        self.around = nn.Conv1d(wide, wide, 5, padding=2)
        self.scatter = nn.Linear(wide, rows * channels)
        nn.init.zeros_(self.scatter.weight)

    def forward(self, x: Tensor) -> Tensor:
        gathered = torch.relu(self.gather(x.permute(0, 2, 3, 1).flatten(2)))
        before_and_after = self.around(gathered.transpose(1, 2)).transpose(1, 2)
        shared = self.scatter(torch.relu(gathered + before_and_after))
        return x + shared.unflatten(2, self.shape).permute(0, 3, 1, 2)


def _layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def narrowed(bins: Tensor) -> Tensor:
    """(..., ROWS): the means of the bins (..., bins) that lie in each row."""
    rows = []
    for first, last, size in BANDS:  # strided sums: torch's mean over few neighbours is slow
        row = bins[..., first:last:size]
        for turn in range(1, size):
            row = row + bins[..., first + turn : last : size]
        rows.append(row / size)
    return torch.cat(rows, -1)


def widened(rows: Tensor) -> Tensor:
    """(..., bins): each bin has its row's value, the topmost the last one's."""
    sizes = [(last - first) // size for first, last, size in BANDS]
    bands = rows.split(sizes, -1)
    bins = [
        band[..., None].expand(*band.shape, size).flatten(-2)
        for band, (_, _, size) in zip(bands, BANDS, strict=True)
    ]
    return torch.cat([*bins, rows[..., -1:]], -1)
