"""Segments of sound on their way to a network and back: cut, resampled, added, laid on a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from audio.clip import Samples
from stems.splitting.placement import window, wrapped

Read = Callable[[int, int], Samples]  # (first frame, frames) -> (2, frames), zeros beyond the ends


def added(sources: Samples, counts: Sequence[int]) -> Samples:
    """(batch, stems, 2, frames): as many neighbouring sources added as each of `counts` says."""
    if all(count == 1 for count in counts):
        return sources
    firsts = np.cumsum([0, *counts[:-1]])
    return np.asarray(np.add.reduceat(sources, firsts, axis=1))


def at_rate(samples: Samples, from_rate: int, to_rate: int, frames: int) -> Samples:
    """Return (..., frames_in) at another rate in Hz, cut or filled with zeros to `frames`.

    By soxr, which needs no table for the ratio: 44099 Hz costs what 48000 does.
    """
    if from_rate != to_rate:
        import soxr

        rows = samples.reshape(-1, samples.shape[-1])
        rows = soxr.resample(rows.T, from_rate, to_rate, quality="HQ").T
        samples = np.asarray(rows, np.float32).reshape(*samples.shape[:-1], -1)
    missing = frames - samples.shape[-1]
    if missing > 0:
        samples = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(samples[..., :frames])


def reader_of(samples: Samples, loop: bool) -> Read:
    """Read (2, frames) with zeros beyond its ends, or as a circle."""
    frames = samples.shape[1]

    def read(first: int, count: int) -> Samples:
        cut = np.zeros((2, count), np.float32)
        if loop:
            for there, here in wrapped(first, count, frames):
                cut[:, here] = samples[:, there]
        else:
            low, high = max(first, 0), min(first + count, frames)
            cut[:, low - first : high - first] = samples[:, low:high]
        return cut

    return read


def add_around(sums: Samples, parts: Iterator[tuple[int, Samples]]) -> None:
    """Weight segments together on a circle, into zeros (stems, 2, frames)."""
    frames = sums.shape[-1]
    weights = np.zeros(frames, np.float32)
    for first, estimates in parts:
        share = window(estimates.shape[-1])
        for there, here in wrapped(first, len(share), frames):
            sums[..., there] += estimates[..., here] * share[here]
            weights[there] += share[here]
    sums /= weights
