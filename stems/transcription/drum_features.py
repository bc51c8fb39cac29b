"""The drum network's features: how loud 48 bands are, a hundred times a second."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

BANDS, LOWEST_HZ, HIGHEST_HZ = 48, 30.0, 16_000.0
HOP_SECONDS, WINDOW_SECONDS = 0.010, 0.046
BEFORE, AFTER = 2, 6  # hops around each moment that are features: 20 ms back, 60 ms on
FLOOR = 1e-3  # of the loudest moment; softer is silence


def band_levels(mono: Array, sample_rate: int) -> Array:
    """Return magnitudes (hops, BANDS) of (frames,), 1.0 the loudest; hop i is centred at i x 10 ms.

    Bands are triangles even on the mel scale. Zero everywhere for silence.
    """
    hop = HOP_SECONDS * sample_rate
    window = 1 << round(np.log2(WINDOW_SECONDS * sample_rate))
    bank = _bank(sample_rate, window)
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    padded = np.pad(mono.astype(np.float32), (window // 2, window))
    count = int(len(mono) / hop) + 1
    out = np.empty((count, BANDS), np.float32)
    for first in range(0, count, 1_000):
        starts = np.round(np.arange(first, min(first + 1_000, count)) * hop).astype(int)
        cut = np.lib.stride_tricks.sliding_window_view(padded, window)[starts]
        out[first : first + 1_000] = np.abs(np.fft.rfft(cut * hann)).astype(np.float32) @ bank
    loudest = float(out.max())
    return out / np.float32(loudest) if loudest > 0 else out


def with_surroundings(levels: Array) -> Array:
    """Return (hops, (BEFORE + 1 + AFTER) x BANDS) log levels, each hop with its neighbours."""
    logs = np.log10(levels + FLOOR) / 3 + 1  # 0 for silence, 1 for the loudest
    padded = np.pad(logs, ((BEFORE, AFTER), (0, 0)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, BEFORE + 1 + AFTER, 0)
    return np.ascontiguousarray(cut.transpose(0, 2, 1)).reshape(len(levels), -1)


@cache
def _bank(sample_rate: int, window: int) -> Array:
    hz = np.arange(window // 2 + 1) * sample_rate / window
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    rise = (hz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hz[:, None]) / np.diff(edges)[1:]
    bank = np.maximum(0, np.minimum(rise, fall))
    # The lowest bands are narrower than a bin: each has at least the bin nearest to it.
    nearest = np.abs(hz[:, None] - edges[1:-1]).argmin(0)
    bank[nearest, np.arange(BANDS)] = np.maximum(bank[nearest, np.arange(BANDS)], 0.5)
    return np.asarray(bank / bank.sum(0), np.float32)
