"""Choirs of sung vowels: many detuned glottal waves through a throat's resonances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.decoder.harmonic import Tone
from diffusion.embedded.decoder.sounds import equal_hz
from training.sounds import SAMPLE_RATE

Sound = NDArray[np.float32]
# The first four resonances in Hz of a man's vowels (Peterson and Barney 1952, rounded; the fourth
# is the usual one).
VOWELS = (
    (730, 1090, 2440, 3400), (570, 840, 2410, 3300), (300, 870, 2240, 3200),
    (270, 2290, 3010, 3600), (530, 1840, 2480, 3500), (640, 1190, 2390, 3400),
)  # fmt: skip
SINGERS = (1, 7)  # of a note, at least and at most
PARTIALS = 40


def sung_chords(notes: Sequence[Tone], frames: int, draw: np.random.Generator) -> Sound:
    """Mono (frames,) of the notes, each sung by some voices on vowels that change by chance."""
    out = np.zeros(frames, np.float32)
    singers = int(draw.integers(*SINGERS))
    throat = draw.uniform(0.95, 1.3)  # 1 is a man's, 1.2 a woman's
    bright, breath = draw.uniform(0.7, 1.6), draw.uniform(0, 0.06)
    attack, release = draw.uniform(0.05, 0.5), draw.uniform(0.1, 0.5)
    vowel = VOWELS[int(draw.integers(len(VOWELS)))]
    for note in notes:
        if draw.random() < 0.3:
            vowel = VOWELS[int(draw.integers(len(VOWELS)))]
        start = int(note.start)
        count = min(int((note.held_seconds + release) * SAMPLE_RATE), frames - start)
        if count <= 0:
            continue
        t = np.arange(count) / SAMPLE_RATE
        envelope = np.minimum(t / attack, 1) * np.clip(1 - (t - note.held_seconds) / release, 0, 1)
        wave = breath * draw.normal(0, 1, count)
        for _ in range(singers):
            wave += _voice(equal_hz(note.pitch), t, vowel, throat, bright, draw)
        out[start : start + count] += (wave * envelope * note.velocity).astype(np.float32)
    return out


def _voice(
    hz: float, t: NDArray[np.float64], vowel: Sequence[float], throat: float, bright: float,
    draw: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """One singer: a wave table read at a pitch that wanders and, by chance, vibrates."""
    cents = draw.normal(0, 8) + draw.choice([0, 1]) * draw.uniform(10, 60) * np.sin(
        2 * np.pi * draw.uniform(4.5, 6.5) * t + draw.uniform(0, 6.28)
    )
    cents = cents + 12 * np.sin(2 * np.pi * draw.uniform(0.1, 0.8) * t + draw.uniform(0, 6.28))
    cycles = np.cumsum(hz * 2 ** (cents / 1200)) / SAMPLE_RATE + draw.random()
    h = np.arange(1, max(2, min(PARTIALS, int(12_000 / hz))) + 1)
    resonances = np.zeros(len(h))
    for number, centre in enumerate(vowel):
        width = 60 + 40 * number
        resonances += 0.6**number / (1 + ((h * hz / throat - centre) / width) ** 2)
    table = np.zeros(1025, complex)
    table[h] = (resonances + 0.02) * h**-bright * np.exp(2j * np.pi * draw.random(len(h)))
    cycle = np.fft.irfft(table) * 2048
    return np.asarray(cycle[((cycles % 1) * 2048).astype(np.int64)])
