"""Which pitch classes sound when: a constant-Q chroma (Brown, JASA 89, 1991), an octave at a time.

What librosa's chroma_cqt gives, within rounding, in a fifth of its time: its filters are the same
in every octave, for sound and pitch are halved alike (Schörkhuber and Klapuri, SMC 2010), and are
made once. librosa itself is not imported, which takes longer than the chroma.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

OCTAVES, BINS_PER_OCTAVE = 7, 36
HOP_FRAMES = 2048
NEIGHBOURS = 5  # semitones whose mean a tone stands out of
LOWEST, END = 24, 72  # semitones above C1: from C3 to B6
DOWN_FROM_HZ = 32_080  # at such rates the highest octave is whole at half the rate, too

Floats = npt.NDArray[np.float64]
Mono = npt.NDArray[np.float32]


def classes(levels: Floats) -> Floats:
    """Chroma (12, n) of what `pitches` gives, from C upwards, the strongest class of each at 1."""
    sums = levels.reshape(OCTAVES, 12, -1).sum(axis=0)
    highest = sums.max(axis=0, keepdims=True)
    return np.ascontiguousarray(sums / np.where(highest > 1e-30, highest, 1))


def tones(levels: Floats, lowest: int = LOWEST, end: int = END) -> Floats:
    """How far pitch classes stand out of the spectrum, (12, n) from C upwards.

    By the root of how loud they are over their neighbours among what `pitches` gives, so that
    drums count for little and no voice drowns another. Counted are semitones above C1 from
    `lowest`, a C, up to but without `end`.
    """
    from scipy.ndimage import uniform_filter1d

    over = np.maximum(0, levels - uniform_filter1d(levels, NEIGHBOURS, axis=0))
    counted = np.sqrt(over)[lowest:end]
    octaves = np.pad(counted, ((0, -len(counted) % 12), (0, 0)))
    return np.asarray(octaves.reshape(-1, 12, levels.shape[1]).sum(axis=0))


def pitches(mono: Mono, sample_rate: int) -> Floats:
    """How loud each semitone from C1 to B7 is, (84, n), a column every HOP_FRAMES.

    In A = 440 Hz. `mono` must be a second long or more.
    """
    sound, rate, hop = mono, float(sample_rate), HOP_FRAMES
    if sample_rate > DOWN_FROM_HZ:
        sound, rate, hop = _halved(sound), rate / 2, hop // 2
    octaves = []
    for _ in range(OCTAVES):
        octaves.append(_levels(sound, hop, *_filters(rate)))
        sound, hop = _halved(sound), hop // 2
    shortest = min(len(levels) for levels in octaves)
    # Lowest first. A pitch takes the three bins around it; of the lowest C the first is the one
    # under the C above all, which is of that class as well.
    bins = np.concatenate([levels[:shortest] for levels in octaves[::-1]], axis=1)
    third = BINS_PER_OCTAVE // 12
    three = np.roll(bins, third // 2, axis=1).reshape(shortest, OCTAVES * 12, third)
    return np.ascontiguousarray(three.sum(axis=2, dtype=np.float64).T)


@cache
def _filters(rate: float) -> tuple[npt.NDArray[np.complex64], int, int]:
    """Spectra (window bins, filters) of one octave's filters, their first bin, and the window."""
    lowest = 440 * 2 ** ((12 * OCTAVES - 57) / 12)  # C of the highest octave
    hertz = lowest * 2 ** (np.arange(BINS_PER_OCTAVE) / BINS_PER_OCTAVE)
    ratio = 2 ** (2 / BINS_PER_OCTAVE)
    lengths = (ratio + 1) / (ratio - 1) * rate / hertz  # in frames: as sharp as bins are close
    window = 1 << int(np.ceil(np.log2(lengths.max())))
    waves = np.stack([_wave(*each, rate, window) for each in zip(hertz, lengths, strict=True)])
    spectra = np.fft.fft(waves * np.sqrt(lengths)[:, None] / window, axis=1)[:, : window // 2 + 1]
    spectra = np.where(_is_heard(np.abs(spectra)), spectra, 0)
    used = np.flatnonzero(np.abs(spectra).max(axis=0))
    first, stop = int(used[0]), int(used[-1]) + 1
    return np.ascontiguousarray(spectra[:, first:stop].T, np.complex64), first, window


def _wave(hertz: float, length: float, rate: float, window: int) -> npt.NDArray[np.complex64]:
    """One filter under a Hann window, of absolute sum 1, in the middle of `window` frames."""
    frames = np.arange(-length // 2, length // 2)
    wave = np.exp(2j * np.pi * hertz / rate * frames)
    wave *= 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, len(frames) + 1)[:-1])
    wave /= np.abs(wave).sum()
    before = (window - len(wave)) // 2
    return np.pad(wave, (before, window - len(wave) - before)).astype(np.complex64)


def _is_heard(sizes: Floats) -> npt.NDArray[np.bool_]:
    """Which bins (filters, bins) are kept: the least that make up a hundredth of a filter go."""
    rising = np.sort(sizes, axis=1)
    share = np.cumsum(rising / sizes.sum(axis=1, keepdims=True), axis=1)
    least = np.take_along_axis(rising, np.argmin(share < 0.01, axis=1)[:, None], axis=1)
    return np.asarray(sizes >= least)


def _levels(
    sound: Mono, hop: int, spectra: npt.NDArray[np.complex64], first: int, window: int
) -> Mono:
    """How loud each filter's pitch is, (n, filters), at every hop."""
    from scipy.fft import rfft

    padded = np.pad(sound, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    found = rfft(frames, axis=1)[:, first : first + len(spectra)] @ spectra
    return np.asarray(np.abs(found), np.float32)


def _halved(sound: Mono) -> Mono:
    """At half the rate, at the same power."""
    from soxr import resample

    halved = resample(sound, 2, 1, "HQ")[: -(-len(sound) // 2)]
    return np.asarray(
        np.pad(halved, (0, -(-len(sound) // 2) - len(halved))) * np.sqrt(2), np.float32
    )
