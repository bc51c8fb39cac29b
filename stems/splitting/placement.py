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


class OverlapAdd:
    """Estimates (stems, channels, frames) weighted together, given out as soon as they are final.

    Segments must come in the order in which they begin.
    """

    def __init__(self, frames: int, segment_frames: int) -> None:
        self._frames = frames
        self._window = window(segment_frames)
        self._start = 0  # the frame that the sums begin at
        self._sums: Samples | None = None
        self._weights = np.zeros(0, np.float32)

    def add(self, first: int, estimates: Samples) -> Samples:
        """Take a segment that begins at frame `first`; return what no later one can change."""
        final = self._until(max(first, 0))
        low, high = max(first, 0), min(first + len(self._window), self._frames)
        self._grow(high - self._start, estimates)
        part = slice(low - first, high - first)
        into = slice(low - self._start, high - self._start)
        assert self._sums is not None
        self._sums[..., into] += estimates[..., part] * self._window[part]
        self._weights[into] += self._window[part]
        return final

    def rest(self) -> Samples:
        """Return what is left when the last segment has come."""
        return self._until(self._frames)

    def _grow(self, frames: int, like: Samples) -> None:
        more = frames - len(self._weights)
        if more > 0:
            empty = np.zeros((*like.shape[:-1], more), np.float32)
            self._sums = empty if self._sums is None else np.concatenate([self._sums, empty], -1)
            self._weights = np.concatenate([self._weights, np.zeros(more, np.float32)])

    def _until(self, frame: int) -> Samples:
        if self._sums is None:
            return np.zeros((0, 0, 0), np.float32)
        count = frame - self._start
        done = self._sums[..., :count] / self._weights[:count]
        self._sums = self._sums[..., count:].copy()
        self._weights = self._weights[count:].copy()
        self._start = frame
        return np.asarray(done)


def wrapped(first: int, count: int, frames: int) -> Iterator[tuple[slice, slice]]:
    """Cut `count` frames from `first` on around a loop of `frames`: (of the loop, of the cut)."""
    done = 0
    while done < count:
        at = (first + done) % frames
        size = min(frames - at, count - done)
        yield slice(at, at + size), slice(done, done + size)
        done += size


def joined(parts: Iterator[tuple[int, Samples]], frames: int) -> Iterator[Samples]:
    """Yield estimates (stems, 2, frames) without gap or overlap, from segments as they come."""
    sums: OverlapAdd | None = None
    for first, estimates in parts:
        sums = sums or OverlapAdd(frames, estimates.shape[-1])
        yield sums.add(first, estimates)
    if sums is not None:
        yield sums.rest()
