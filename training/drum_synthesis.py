"""Drum kits made of sine modes and filtered noise, every one drawn by chance.

The models are the usual ones of analogue drum machines: a sine that falls in pitch for what has a
skin, noise for wires and clapping, six inharmonic square waves and noise for metal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.drum_hits import Hit
from training.sounds import SAMPLE_RATE

Sound = NDArray[np.float32]
Wave = NDArray[np.float64]
LONGEST_SECONDS = 3.0
VELOCITY_POWER = 1.3  # of the amplitude, as the sampled drums have it
Draw = np.random.Generator


def play_kit(hits: Sequence[Hit], frames: int, draw: Draw) -> Sound:
    """Mono (frames,) of the hits on a kit drawn by chance."""
    kit: dict[str, Sound] = {}
    out = np.zeros(frames, np.float32)
    for hit in hits:
        if hit.piece not in kit:
            model, db = PIECES[hit.piece]
            made = model(draw)
            gain = db_to_amplitude(db + draw.normal(0, 2)) / max(float(np.abs(made).max()), 1e-9)
            kit[hit.piece] = np.asarray(made * gain, np.float32)
        sound = kit[hit.piece]
        start = round(hit.start)
        count = max(0, min(len(sound), frames - start))
        out[start : start + count] += sound[:count] * np.float32(hit.velocity**VELOCITY_POWER)
    return out


def _times(seconds: float) -> NDArray[np.float64]:
    return np.arange(int(min(seconds, LONGEST_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE


def _skin(draw: Draw, hz: float, rise: float, fall_seconds: float, seconds: float) -> Wave:
    """A sine at `hz` that begins `rise` times as high, and the stick's click."""
    t = _times(4 * seconds)
    pitch = hz * (1 + (rise - 1) * np.exp(-t / fall_seconds))
    body = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) * np.exp(-t / seconds)
    click = _noise(draw, t, draw.uniform(500, 4000)) * np.exp(-t / draw.uniform(0.001, 0.006))
    driven = np.tanh((body + draw.uniform(0, 0.5) * click) * draw.uniform(0.8, 4))
    return np.asarray(driven)


def _noise(draw: Draw, t: Wave, low_hz: float, high_hz: float = 0.0) -> Wave:
    """Noise above `low_hz`, or between two frequencies; its largest value is 1."""
    from scipy.signal import butter, sosfilt

    edges = [low_hz, min(high_hz, 20_000.0)] if high_hz else low_hz
    kind = "bandpass" if high_hz else "highpass"
    sections = butter(int(draw.integers(1, 4)), edges, kind, fs=SAMPLE_RATE, output="sos")
    sound = sosfilt(sections, draw.normal(0, 1, len(t)))
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-9))


def _metal(draw: Draw, t: Wave, low_hz: float) -> Wave:
    """Six square waves without a common pitch and noise, above `low_hz`."""
    from scipy.signal import butter, sosfilt

    root = draw.uniform(200, 600)
    ratios = 1 + np.cumsum(draw.uniform(0.1, 0.7, 6))
    waves = sum(np.sign(np.sin(2 * np.pi * root * r * t + draw.uniform(0, 6))) for r in ratios) / 6
    mixed = draw.uniform(0, 1) * waves + draw.normal(0, draw.uniform(0.1, 0.7), len(t))
    return np.asarray(sosfilt(butter(3, low_hz, "highpass", fs=SAMPLE_RATE, output="sos"), mixed))


def _kick(draw: Draw) -> Wave:
    return _skin(draw, draw.uniform(38, 75), draw.uniform(2, 7), draw.uniform(0.008, 0.05),
                 float(10 ** draw.uniform(-1.2, -0.1)))  # fmt: skip


def _tom(low_hz: float) -> Callable[[Draw], Wave]:
    def tom(draw: Draw) -> Wave:
        return _skin(draw, low_hz * draw.uniform(0.8, 1.3), draw.uniform(1.1, 2.2),
                     draw.uniform(0.02, 0.1), float(10 ** draw.uniform(-1.1, -0.4)))  # fmt: skip

    return tom


def _snare(draw: Draw) -> Wave:
    t = _times(1.0)
    hz = draw.uniform(150, 290)
    modes = sum(
        np.sin(2 * np.pi * hz * ratio * t) * level * np.exp(-t / draw.uniform(0.03, 0.15))
        for ratio, level in ((1.0, 1.0), (draw.uniform(1.4, 1.9), draw.uniform(0.2, 0.9)))
    )
    wires = _noise(draw, t, draw.uniform(400, 3500)) * np.exp(-t / draw.uniform(0.04, 0.22))
    return np.asarray(np.tanh((draw.uniform(0.15, 1) * modes + wires) * draw.uniform(0.8, 3)))


def _side_stick(draw: Draw) -> Wave:
    t = _times(0.3)
    modes = sum(
        np.sin(2 * np.pi * draw.uniform(400, 2500) * t) * np.exp(-t / draw.uniform(0.006, 0.03))
        for _ in range(3)
    )
    return np.asarray(modes + 0.3 * _noise(draw, t, 1500) * np.exp(-t / 0.004))


def _clap(draw: Draw) -> Wave:
    t = _times(1.0)
    low = draw.uniform(500, 1300)
    noise = _noise(draw, t, low, low * draw.uniform(2, 6))
    apart = draw.uniform(0.007, 0.014)
    hands = sum(
        np.where(t >= apart * n, np.exp(-np.maximum(t - apart * n, 0) / 0.004), 0)
        for n in range(int(draw.integers(2, 5)))
    )
    return np.asarray(noise * (hands + 0.6 * np.exp(-t / draw.uniform(0.05, 0.2))))


def _cymbal(low_seconds: float, high_seconds: float, ping: float) -> Callable[[Draw], Wave]:
    def cymbal(draw: Draw) -> Wave:
        seconds = float(np.exp(draw.uniform(np.log(low_seconds), np.log(high_seconds))))
        t = _times(5 * seconds)
        level = np.exp(-t / seconds) + draw.uniform(0, 1) * np.exp(-t / (seconds / 6))
        bell = np.sin(2 * np.pi * draw.uniform(2500, 5500) * t) * np.exp(-t / 0.12)
        return np.asarray(_metal(draw, t, draw.uniform(2500, 8500)) * level + ping * bell)

    return cymbal


def _shaker(draw: Draw) -> Wave:
    t = _times(0.4)
    low = draw.uniform(2500, 6500)
    rise, fall = draw.uniform(0.005, 0.035), draw.uniform(0.01, 0.05)
    swell = np.minimum(t / rise, 1) * np.exp(-np.maximum(t - rise, 0) / fall)
    return np.asarray(_noise(draw, t, low, low * draw.uniform(1.5, 3)) * swell)


# Each piece's model, and how loud its peak is beside the kick's, in dB.
PIECES: Mapping[str, tuple[Callable[[Draw], Wave], float]] = {
    "kick": (_kick, 0.0),
    "snare": (_snare, -1.0),
    "side_stick": (_side_stick, -6.0),
    "clap": (_clap, -4.0),
    "closed_hat": (_cymbal(0.012, 0.06, 0.0), -11.0),
    "open_hat": (_cymbal(0.1, 0.5, 0.0), -11.0),
    "low_tom": (_tom(85.0), -4.0),
    "mid_tom": (_tom(125.0), -4.0),
    "high_tom": (_tom(180.0), -4.0),
    "crash": (_cymbal(0.4, 1.2, 0.0), -7.0),
    "ride": (_cymbal(0.2, 0.9, 0.4), -11.0),
    "shaker": (_shaker, -11.0),
}
