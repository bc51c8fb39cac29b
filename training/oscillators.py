"""Tones of oscillators: one cycle in a bright and in a dark table, faded by an envelope."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.decoder.harmonic import Tone
from diffusion.embedded.decoder.sounds import equal_hz
from training.sounds import SAMPLE_RATE

TABLE = 4096
TOP_HZ = 16_000.0
Sound = NDArray[np.float32]


def play_patch(tones: Sequence[Tone], frames: int, part: str, draw: np.random.Generator) -> Sound:
    """Mono (frames,) of the tones, all in one sound drawn for a part: bass, comp or lead."""
    slope = draw.uniform(0.7, 1.8)  # of the partials' amplitudes: 1 is a saw's
    even = draw.choice([1.0, 1.0, 0.05])  # next to none of a square's partials are even
    dark = draw.uniform(2.0, 3.5)
    attack = float(10 ** draw.uniform(-3, -1.1 if part != "bass" else -1.8))
    release = float(10 ** draw.uniform(-1.5, -0.5))
    held, fall = draw.choice([0.0, 0.3, 0.8]), float(10 ** draw.uniform(-0.9, 0.3))
    brightness = draw.uniform(0.1, 0.7)  # seconds in which the bright table fades
    voices = 1 + int(draw.integers(0, 3)) * int(part != "bass" or draw.random() < 0.3)
    cents = draw.uniform(2, 12)
    out = np.zeros(frames, np.float32)
    for tone in tones:
        hz = equal_hz(tone.pitch)
        start = int(tone.start)
        count = min(int((tone.held_seconds + 3 * release) * SAMPLE_RATE), frames - start)
        if count <= 0:
            continue
        tables = _tables(int(TOP_HZ / hz), slope, dark, even, draw)
        t = np.arange(count, dtype=np.float32) / SAMPLE_RATE
        level = np.minimum(t / attack, 1) * (held + (1 - held) * np.exp(-t / fall))
        level *= np.exp(-np.maximum(t - tone.held_seconds, 0) / release * 3)
        shade = np.exp(-t / brightness) * tone.velocity
        sound = np.zeros(count, np.float32)
        for voice in range(voices):
            off = 2 ** ((voice - (voices - 1) / 2) * cents / 1200)
            cycles = (t.astype(np.float64) * (hz * off) + draw.random()) % 1.0
            index = (cycles * TABLE).astype(np.int64)
            sound += shade * tables[0][index] + (1 - shade) * tables[1][index]
        out[start : start + count] += sound * level.astype(np.float32) * tone.velocity**1.5
    return out


def _tables(
    partials: int, slope: float, dark: float, even: float, draw: np.random.Generator
) -> tuple[Sound, Sound]:
    """A cycle of the bright and of the dark sound, with as many partials as the pitch allows."""
    h = np.arange(1, max(2, min(partials, 64) + 1))
    phases = np.exp(2j * np.pi * draw.random(len(h)))
    found = []
    for power in (slope, dark):
        spectrum = np.zeros(TABLE // 2 + 1, complex)
        spectrum[h] = h**-power * np.where(h % 2 == 0, even, 1.0) * phases
        found.append(np.fft.irfft(spectrum).astype(np.float32) * TABLE)
    return found[0], found[1]
