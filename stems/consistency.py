"""Mixture consistency: estimates of stems changed so that they add up to their mix.

A splitter's estimates miss the mix by a residual. It is distributed by the estimates' power in
each bin of a short-time Fourier transform (Wisdom et al. 2019), so a stem gets none where it is
silent. Dust, what is left in a stem that is too quiet to belong to it, is then moved to the loudest
stem of the moment, so that an empty stem is empty and the sum stays what it was. No stem is ever
scaled alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, Samples
from audio.decibels import db_to_power
from audio.stem_names import REST, SPLIT_STEMS, in_order
from stems.errors import StemError

FFT_FRAMES, HOP_FRAMES = 2048, 512
PIECE_FRAMES = 1 << 18  # processed at a time, so that ten minutes need no gigabytes
FALLBACKS = ("melody", REST)  # get what no estimate has: a splitter calls it "other"
# Dust: quieter than both of these over 400 ms, the window of BS.1770's momentary loudness.
DUST_DBFS = -60.0
DUST_UNDER_MIX_DB = 40.0
NOTHING_DBFS = -120.0  # under this the mix itself counts as digital silence
STEP_SECONDS = 0.050  # levels are taken, and gates fade, over this
WINDOW_STEPS = 8


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
    names = in_order(estimates)
    stems = np.stack([estimates[name].samples for name in names])
    fallback = next((names.index(n) for n in FALLBACKS if n in names), len(names) - 1)
    energy = [float(np.vdot(stem, stem)) for stem in stems]
    strongest = int(np.argmax(energy)) if any(energy) else fallback
    _share_residual(mix.samples, stems, strongest)
    _move_dust(mix, stems, strongest)
    _close_gap(mix.samples, stems, strongest)
    clips = {n: Clip(stem, mix.sample_rate) for n, stem in zip(names, stems, strict=True)}
    return AddedUp(clips, tuple(name for name, clip in clips.items() if not clip.samples.any()))


def check_alike(mix: Clip, clips: Mapping[str, Clip]) -> None:
    """Raise StemError unless all clips are stems with the shape and rate of the mix."""
    if not clips:
        raise StemError("adding up needs at least one stem")
    for name, clip in clips.items():
        if name not in SPLIT_STEMS:
            raise StemError(f"stem must be one of {', '.join(SPLIT_STEMS)}, not {name!r}")
        if (clip.samples.shape, clip.sample_rate) != (mix.samples.shape, mix.sample_rate):
            raise StemError(
                f"stem {name} has the shape {clip.samples.shape} at {clip.sample_rate} Hz, its "
                f"mix {mix.samples.shape} at {mix.sample_rate} Hz: they must be equal"
            )


def silent_stems(mix: Clip, clips: Mapping[str, Clip]) -> tuple[str, ...]:
    """Return the silent stems: all dust from the first frame to the last."""
    names = list(clips)
    open_at = _open(mix, [clips[name].samples for name in names])
    return tuple(name for name, gate in zip(names, open_at, strict=True) if not gate.any())


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


def _move_dust(mix: Clip, stems: Samples, strongest: int) -> None:
    """Close the gates of stems that hold dust only; the loudest of the moment gets the dust."""
    step = _step_frames(mix.sample_rate)
    is_open = _open(mix, list(stems))
    if is_open.all():
        return
    loudest = np.stack([_levels(stem, step) for stem in stems]).argmax(0)
    loudest = np.where(is_open.any(0), loudest, strongest)
    gates = is_open.astype(np.float64)
    takes = np.zeros_like(gates)
    takes[loudest, np.arange(gates.shape[1])] = 1.0
    middles = (np.arange(gates.shape[1]) + 0.5) * step
    for first in range(0, mix.frames, PIECE_FRAMES):
        piece = stems[:, :, first : first + PIECE_FRAMES]
        at = np.arange(first, first + piece.shape[-1])
        gate, take = (
            np.stack([np.interp(at, middles, row) for row in rows])[:, None]
            for rows in (gates, takes)
        )
        dust = (piece * (1.0 - gate)).sum(0)
        piece[:] = piece * gate + take * dust


def _open(mix: Clip, stems: list[Samples]) -> npt.NDArray[np.bool_]:
    """Where each stem is more than dust, (stems, steps); the whole window around it is."""
    from scipy.ndimage import maximum_filter1d

    step = _step_frames(mix.sample_rate)
    levels = np.stack([_levels(stem, step) for stem in stems])
    of_mix = _levels(mix.samples, step)
    under = np.where(
        of_mix > db_to_power(NOTHING_DBFS), of_mix * db_to_power(-DUST_UNDER_MIX_DB), np.inf
    )
    above = (levels >= db_to_power(DUST_DBFS)) | (levels >= under)
    return np.asarray(maximum_filter1d(above, WINDOW_STEPS, axis=1, origin=-1), bool)


def _levels(samples: Samples, step: int) -> npt.NDArray[np.float64]:
    """Mean square of the louder channel over 400 ms around each step of (channels, frames)."""
    from scipy.ndimage import uniform_filter1d

    firsts = np.arange(0, samples.shape[-1], step)
    counts = np.diff(firsts, append=samples.shape[-1])
    means = np.empty((samples.shape[0], len(firsts)))
    for channel, row in zip(samples, means, strict=True):
        row[:] = np.add.reduceat(np.square(channel, dtype=np.float64), firsts) / counts
    return np.asarray(uniform_filter1d(means.max(0), WINDOW_STEPS, mode="nearest"))


def _step_frames(sample_rate: int) -> int:
    return round(STEP_SECONDS * sample_rate)
