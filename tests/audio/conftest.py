"""Sound whose tempo, place and key are known because it is put together here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from audio.clip import Clip
from midi.grid import Grid

RATE = 44_100


def struck(pitch: float, seconds: float) -> np.ndarray:
    """A plucked tone of MIDI pitch: eight harmonics that die away."""
    time = np.arange(int(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    tone = sum(np.sin(2 * np.pi * hertz * n * time) / n**1.5 for n in range(1, 9))
    return np.asarray(0.2 * tone * np.exp(-4 * time / seconds))


@pytest.fixture
def clicks() -> Callable[..., Clip]:
    """A clip as long as the grid with a click at each of the times in seconds.

    With `accents` every so many of them is a beat of the drum: noise as well as a click. Then
    there is a bed of noise at -40 dBFS too, for out of digital silence all onsets look alike.
    """
    burst = np.random.default_rng(2).normal(0, 0.3, 4000) * np.exp(-np.arange(4000) / 1000)

    def build(times: Iterable[float], grid: Grid, accents: int = 0) -> Clip:
        samples = np.zeros(grid.frames(RATE) + RATE)
        if accents:
            samples += np.random.default_rng(1).normal(0, 0.01, len(samples))
        for number, seconds in enumerate(times):
            first = int(np.ceil(seconds * RATE))
            since = np.arange(2000) / RATE + (first / RATE - seconds)
            click = np.exp(-400 * since) * np.sin(2 * np.pi * 2000 * since + 1)
            if 0 <= first < grid.frames(RATE):
                samples[first : first + 2000] += 0.5 * click
                if accents and number % accents == 0:
                    samples[first : first + 4000] += burst
        stereo = np.stack([samples, samples])[:, : grid.frames(RATE)]
        return Clip(np.ascontiguousarray(stereo, dtype=np.float32), RATE)

    return build


@pytest.fixture
def chords() -> Callable[..., Clip]:
    """A clip of chords, one a second, each a tuple of MIDI pitches."""

    def build(progression: Iterable[tuple[int, ...]]) -> Clip:
        bars = [sum(struck(pitch, 1.0) for pitch in chord) for chord in progression]
        mono = np.concatenate(bars) / 4
        return Clip(np.stack([mono, mono]).astype(np.float32), RATE)

    return build
