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


def _placed(out: np.ndarray, sound: np.ndarray, seconds: float) -> None:
    first = round(seconds * RATE)
    count = min(len(sound), len(out) - first)
    if first >= 0 and count > 0:
        out[first : first + count] += sound[:count]


@pytest.fixture
def band() -> Callable[..., dict[str, Clip]]:
    """Drums, bass and chords in 4/4 that begin exactly when `at(beat)` says, in seconds.

    Kick on one and three, snare on two and four, hats in eighths; a new chord and bass note each
    bar, in the order C, A minor, F, G. It lasts `bars` bars and rings on for `tail` seconds.
    """
    since = np.arange(6000) / RATE
    noise = np.random.default_rng(3).normal(0, 1, 6000)
    kick = (
        0.8 * np.sin(2 * np.pi * (50 * since + 4 * (1 - np.exp(-since * 60)))) * np.exp(-18 * since)
    )
    snare = 0.35 * noise * np.exp(-45 * since)
    hat = 0.12 * np.diff(noise, prepend=0) * np.exp(-160 * since)
    roots = (48, 45, 41, 43)

    def build(at: Callable[[float], float], bars: int, tail: float = 0.5) -> dict[str, Clip]:
        frames = round((at(4 * bars) + tail) * RATE)
        stems = {name: np.zeros(frames) for name in ("drums", "bass", "melody")}
        for beat in range(4 * bars):
            _placed(stems["drums"], snare if beat % 2 else kick, at(beat))
            for half in (0, 0.5):
                _placed(stems["drums"], hat, at(beat + half))
            length = at(beat + 1) - at(beat)
            _placed(stems["bass"], struck(roots[beat // 4 % 4] - 12, length), at(beat))
            if beat % 4 == 0:
                for step in (0, 4 if beat // 4 % 4 != 1 else 3, 7):
                    chord = struck(roots[beat // 4 % 4] + 12 + step, 3.9 * length)
                    _placed(stems["melody"], 0.4 * chord, at(beat))
        return {
            name: Clip(np.stack([0.5 * mono, 0.45 * mono]).astype(np.float32), RATE)
            for name, mono in stems.items()
        }

    return build


@pytest.fixture
def mixed() -> Callable[[dict[str, Clip]], Clip]:
    """The sum of stems."""
    return lambda stems: Clip(
        np.sum([clip.samples for clip in stems.values()], axis=0, dtype=np.float32), RATE
    )
