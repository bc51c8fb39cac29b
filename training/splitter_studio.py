"""What a studio does to the sounds of the splitter's songs: overdrive, filters, halls, codecs.

Sounds are mono, (frames,), or stems of two sides, (2, frames), at 44.1 kHz.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from audio.decibels import db_to_amplitude
from training.sounds import SAMPLE_RATE

Sound = NDArray[np.float32]
Draw = np.random.Generator


def driven(sound: Sound, gain: float) -> Sound:
    """Overdriven: a soft clip of the sound `gain` times its root mean square."""
    loud = float(np.sqrt(np.square(sound).mean())) + 1e-9
    return np.asarray(np.tanh(sound * np.float32(gain / loud / 3)), np.float32)


def filtered(sound: Sound, hz: list[float] | float, kind: str) -> Sound:
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(2, hz, kind, fs=SAMPLE_RATE, output="sos"), sound), np.float32)


def swept(sound: Sound, draw: Draw) -> Sound:
    """Between a dark and a bright filter, as a slow oscillator opens one."""
    dark = filtered(sound, float(10 ** draw.uniform(2.2, 3.0)), "lowpass")
    hz, phase = 10 ** draw.uniform(-1.2, 0.7), draw.uniform(0, 2 * np.pi)
    share = 0.5 + 0.5 * np.sin(2 * np.pi * hz * np.arange(len(sound)) / SAMPLE_RATE + phase)
    return np.asarray(dark + share * (sound - dark), np.float32)


def in_a_hall(sound: Sound, level_db: float, wet: float, draw: Draw) -> Sound:
    """(2, frames) at a level, in a place between the sides, with a decay of 0.3 to 3 s."""
    from scipy.signal import fftconvolve

    heard = np.abs(sound) > 1e-3 * max(float(np.abs(sound).max()), 1e-9)
    rms = float(np.sqrt(np.square(sound[heard]).mean())) if heard.any() else 1.0
    mono = sound * np.float32(db_to_amplitude(level_db) / rms)
    place = float(np.clip(draw.normal(0, 0.25), -0.8, 0.8))
    sides = np.stack([mono * np.sqrt((1 - place) / 2), mono * np.sqrt((1 + place) / 2)]) * 2**0.5
    if wet:
        seconds = float(10 ** draw.uniform(-0.5, 0.5))
        t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        tail = draw.normal(0, 1, (2, len(t))) * np.exp(-6.9 * t / seconds)
        tail /= np.sqrt(np.square(tail).sum(1, keepdims=True))
        sides = sides + wet * fftconvolve(np.stack([mono, mono]), tail, axes=1)[:, : len(sound)]
    return np.asarray(sides, np.float32)


def compression(mix: Sound, draw: Draw) -> Sound:
    """(frames,) gains by which a compressor turns down what is loud in the mix.

    The same for every stem, so the stems add up to the compressed mix.
    """
    from scipy.signal import lfilter

    seconds = float(10 ** draw.uniform(-2, -0.5))
    keep = float(np.exp(-1 / (seconds * SAMPLE_RATE)))
    power = lfilter([1 - keep], [1, -keep], np.square(mix).mean(0)) + 1e-6
    ratio, threshold = draw.uniform(0.2, 0.7), np.median(power) * draw.uniform(0.5, 2)
    return np.asarray(np.minimum(1, (power / threshold) ** (-ratio / 2)), np.float32)


def coded(stem: Sound, quality: float) -> Sound:
    """(2, frames) after Ogg Vorbis at a compression level (0 the best, 1 the smallest)."""
    import soundfile

    peak = max(float(np.abs(stem).max()), 1e-6)
    held = io.BytesIO()
    with soundfile.SoundFile(held, "w", SAMPLE_RATE, 2, "VORBIS", format="OGG",
                             compression_level=quality) as file:  # fmt: skip
        for at in range(0, stem.shape[1], 1 << 15):  # libsndfile overflows its stack on long blocks
            file.write(np.ascontiguousarray(stem[:, at : at + (1 << 15)].T / peak * 0.9))
    held.seek(0)
    back = soundfile.read(held, dtype="float32", always_2d=True)[0].T[:, : stem.shape[1]]
    out = np.zeros_like(stem)
    out[:, : back.shape[1]] = back * np.float32(peak / 0.9)
    return out
