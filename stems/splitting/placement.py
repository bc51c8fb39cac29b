"""Where a network's segments lie on a sound, and how their estimates run into each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from audio.clip import Samples

OVERLAP = 0.25  # of a segment, at least; demucs' own


def place(frames: int, segment_frames: int, *, loop: bool = False) -> tuple[int, ...]:
    """Return the first frame of each segment, spread evenly over `frames` (1 or more).

    As few as overlap by a quarter, none of them mostly beyond the end: for 24 s and segments of
    7.8 s four, where a fixed stride takes five. A sound shorter than a segment lies in the middle
    of one, which then begins before frame 0. In a loop they are spread over the circle.
    """
    stride = segment_frames * (1 - OVERLAP)
    if loop:
        count = math.ceil(frames / stride)
        return tuple(round(place * frames / count) for place in range(count))
    spare = frames - segment_frames
    if spare <= 0:
        return (-(-spare // 2),)
    count = math.ceil(spare / stride) + 1
    return tuple(round(place * spare / (count - 1)) for place in range(count))


def window(segment_frames: int) -> Samples:
    """Weights of a segment's frames: a triangle up to 1, for what lies in the middle is best."""
    rising = np.arange(1, segment_frames // 2 + 1)
    falling = np.arange(segment_frames - segment_frames // 2, 0, -1)
    both = np.concatenate([rising, falling])
    return np.asarray(both / both.max(), np.float32)


def wrapped(first: int, count: int, frames: int) -> Iterator[tuple[slice, slice]]:
    """Cut `count` frames from `first` on around a loop of `frames`: (of the loop, of the cut)."""
    done = 0
    while done < count:
        at = (first + done) % frames
        size = min(frames - at, count - done)
        yield slice(at, at + size), slice(done, done + size)
        done += size


def joined(parts: Iterator[tuple[int, Samples]], frames: int) -> Iterator[Samples]:
    """Yield estimates (stems, 2, frames) without gap or overlap, from segments as they come.

    Segments must come in the order in which they begin. They are weighted together, and given out
    as soon as no later one can change them.
    """
    start = 0  # the frame that the sums begin at
    sums: Samples | None = None
    weights = np.zeros(0, np.float32)
    for first, estimates in parts:
        share = window(estimates.shape[-1])
        low, high = max(first, 0), min(first + len(share), frames)
        done, start = low - start, low
        if sums is None:
            sums = np.zeros((*estimates.shape[:-1], 0), np.float32)
        elif done:
            yield sums[..., :done] / weights[:done]
        more = max(0, high - low - (len(weights) - done))
        sums = np.pad(sums[..., done:], ((0, 0), (0, 0), (0, more)))
        weights = np.pad(weights[done:], (0, more))
        part = slice(low - first, high - first)
        sums[..., : high - low] += estimates[..., part] * share[part]
        weights[: high - low] += share[part]
    if sums is not None:
        yield sums / weights
