"""Mixture consistency: estimates of stems changed so that they add up to their mix.

A splitter's estimates miss the mix by a residual. It is distributed by the estimates' power in
each bin of a short-time Fourier transform (Wisdom et al. 2019), so a stem gets none where it is
silent. Dust is then moved to the loudest stem of the moment (stems/dust.py), so that an empty stem
is empty and the sum stays what it was. No stem is ever scaled alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, Samples
from audio.stem_names import STEMS
from stems.dust import move_dust
from stems.errors import StemError

FFT_FRAMES, HOP_FRAMES = 2048, 512
PIECE_FRAMES = 1 << 18  # processed at a time, so that ten minutes need no gigabytes
FALLBACK = "melody"  # gets what no estimate has: a splitter calls it "other"


@dataclass(frozen=True, slots=True, eq=False)
class AddedUp:
    """Stems whose sum is the mix, and the names of those that have no sample but zeros."""

    clips: Mapping[str, Clip]
    silent: tuple[str, ...]


def add_up(mix: Clip, estimates: Mapping[str, Clip]) -> AddedUp:
    """Return stems that sum to `mix` within -120 dBFS (of full scale, or of a louder mix's peak).

    All clips have the shape (channels, frames) and rate of the mix. Blocks of a longer file may
    be given one at a time: each sums to its part of the mix, and so do neighbours crossfaded with
    weights that sum to 1; a stem silent in every block is silent in the file. Raises StemError.
    """
    check_alike(mix, estimates)
    names = [name for name in STEMS if name in estimates]
    stems = np.stack([estimates[name].samples for name in names])
    fallback = names.index(FALLBACK) if FALLBACK in names else len(names) - 1
    energy = [float(np.vdot(stem, stem)) for stem in stems]
    strongest = int(np.argmax(energy)) if any(energy) else fallback
    _share_residual(mix.samples, stems, strongest)
    move_dust(mix, stems, strongest)
    _close_gap(mix.samples, stems, strongest)
    clips = {n: Clip(stem, mix.sample_rate) for n, stem in zip(names, stems, strict=True)}
    return AddedUp(clips, tuple(name for name, clip in clips.items() if not clip.samples.any()))


def check_alike(mix: Clip, clips: Mapping[str, Clip]) -> None:
    """Raise StemError unless all clips are stems with the shape and rate of the mix."""
    if not clips:
        raise StemError("adding up needs at least one stem")
    for name, clip in clips.items():
        if name not in STEMS:
            raise StemError(f"stem must be one of {', '.join(STEMS)}, not {name!r}")
        if (clip.samples.shape, clip.sample_rate) != (mix.samples.shape, mix.sample_rate):
            raise StemError(
                f"stem {name} has the shape {clip.samples.shape} at {clip.sample_rate} Hz, its "
                f"mix {mix.samples.shape} at {mix.sample_rate} Hz: they must be equal"
            )


def _share_residual(mix: Samples, stems: Samples, strongest: int) -> None:
    """Add to each of `stems`, (stems, channels, frames), its share of what they miss of the mix."""
    # The window at both ends, squared, sums to 2 over quarter hops.
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_FRAMES) / FFT_FRAMES))
    window = window.astype(np.float32)
    margin = FFT_FRAMES - HOP_FRAMES
    given = stems.copy()  # a piece looks back over its start, which has had its share by then
    for first in range(0, mix.shape[-1], PIECE_FRAMES):
        end = min(first + PIECE_FRAMES, mix.shape[-1])
        low, high = first - margin, -(-(end - first) // HOP_FRAMES) * HOP_FRAMES + first + margin
        estimates = [_cut(each, low, high) for each in given]
        residual = _cut(mix, low, high) - np.sum(estimates, 0, dtype=np.float64)
        if not residual.any():
            continue
        power = np.stack([_power(_frames(each, window)) for each in estimates])
        whole = power.sum(0)
        weights = np.divide(power, whole, out=np.zeros_like(power), where=whole > 0)
        weights[strongest, whole <= 0] = 1.0
        spectrum = _frames(residual.astype(np.float32), window)
        for stem, weight in zip(stems, weights, strict=True):
            part = _overlap_added(spectrum * weight, window)
            stem[:, first:end] += part[:, margin : margin + end - first]


def _cut(samples: Samples, low: int, high: int) -> Samples:
    """Frames low..high of (channels, frames), with zeros beyond its ends."""
    frames = samples.shape[-1]
    inside = samples[:, max(low, 0) : min(high, frames)]
    return np.pad(inside, ((0, 0), (max(0, -low), max(0, high - frames))))


def _frames(samples: Samples, window: Samples) -> npt.NDArray[np.complex64]:
    """Spectra (channels, times, bins) of (channels, frames)."""
    from scipy.fft import rfft

    cut = np.lib.stride_tricks.sliding_window_view(samples, FFT_FRAMES, -1)[:, ::HOP_FRAMES]
    return np.asarray(rfft(cut * window))


def _power(spectra: npt.NDArray[np.complex64]) -> Samples:
    """Power over all channels, so that a stem's place in the stereo field stays."""
    return np.asarray((spectra.real**2 + spectra.imag**2).sum(0), np.float32)


def _overlap_added(spectra: npt.NDArray[np.complex64], window: Samples) -> Samples:
    from scipy.fft import irfft

    pieces = np.asarray(irfft(spectra, FFT_FRAMES)) * (window / 2)
    channels, times, _ = pieces.shape
    out = np.zeros((channels, (times - 1) * HOP_FRAMES + FFT_FRAMES), np.float32)
    for time in range(times):
        out[:, time * HOP_FRAMES : time * HOP_FRAMES + FFT_FRAMES] += pieces[:, time]
    return out


def _close_gap(mix: Samples, stems: Samples, strongest: int) -> None:
    """Put what rounding to float32 left of the mix into the strongest stem."""
    for first in range(0, mix.shape[-1], PIECE_FRAMES):
        piece = stems[:, :, first : first + PIECE_FRAMES]
        left = mix[:, first : first + PIECE_FRAMES] - piece.sum(0, dtype=np.float64)
        piece[strongest] = piece[strongest] + left
