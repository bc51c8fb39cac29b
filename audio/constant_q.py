"""Which pitch classes sound when: a constant-Q chroma (Brown, JASA 89, 1991), an octave at a time.

What librosa's chroma_cqt gives, within rounding, in a fifth of its time: its filters are the same
in every octave, for sound and pitch are halved alike (Schörkhuber and Klapuri, SMC 2010), and are
made once.
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
    from librosa.filters import wavelet
    from librosa.util import sparsify_rows

    lowest = 440 * 2 ** ((12 * OCTAVES - 57) / 12)  # C of the highest octave
    hertz = lowest * 2 ** (np.arange(BINS_PER_OCTAVE) / BINS_PER_OCTAVE)
    waves, lengths = wavelet(freqs=hertz, sr=rate, norm=1, pad_fft=True, window="hann")
    window = waves.shape[1]
    spectra = np.fft.fft(waves * np.sqrt(lengths)[:, None] / window, axis=1)
    spectra = sparsify_rows(spectra[:, : window // 2 + 1], quantile=0.01).toarray()
    used = np.flatnonzero(np.abs(spectra).max(axis=0))
    first, stop = int(used[0]), int(used[-1]) + 1
    return np.ascontiguousarray(spectra[:, first:stop].T, np.complex64), first, window


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
    from librosa import resample

    return np.asarray(resample(sound, orig_sr=2, target_sr=1, res_type="soxr_hq", scale=True))
