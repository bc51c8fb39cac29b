"""What the voice learns from: spoken syllables, sung on random notes.

Their spectra (training.speech) are stretched onto notes as a singer does it (vowels held,
consonants at their own speed) and shaped by pitch and velocity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from diffusion.embedded.performance import TIMBRES
from diffusion.embedded.voice.network import (
    ENVELOPE_POINTS,
    FRAME_SECONDS,
    mel_points,
)
from diffusion.embedded.voice.phonemes import DIPHTHONGS, VOWELS, Syllable
from diffusion.embedded.voice.sound import LEVEL_HZ
from diffusion.embedded.voice.timing import Segment, SungNote
from training.speech import Utterance

Floats = npt.NDArray[np.float64]

VOICES = TIMBRES["vocals"]
# Notes each voice is trained on.
COMPASS = {"alto": (50, 79), "tenor": (43, 74), "soprano": (55, 86)}
# Root mean square of a vowel at velocity 0.8.
LEVEL = 0.070
# Nothing is softer than this under a vowel's level, in dB.
FLOOR_DB = -80.0


def stretched(utterance: Utterance, segments: Sequence[Segment], times: Floats) -> Floats:
    """The time in the utterance that each of `times` sounds like, its sounds laid as `segments`.

    Vowels keep the speed of their beginning and end and are held in between: monophthongs in
    their middle, diphthongs before they move.
    """
    here, there = [segments[0].start_seconds - 10.0], [utterance.segments[0].start_seconds - 10.0]
    for target, source in zip(segments, utterance.segments, strict=True):
        a, b = source.start_seconds, source.end_seconds
        long, natural = target.end_seconds - target.start_seconds, b - a
        here.append(target.start_seconds)
        there.append(a)
        if source.symbol in VOWELS and long > natural:
            first, last = (0.22, 0.36) if source.symbol in DIPHTHONGS else (0.38, 0.55)
            here += [target.start_seconds + first * natural,
                     target.end_seconds - (1.0 - last) * natural]  # fmt: skip
            there += [a + first * natural, a + last * natural]
    here += [segments[-1].end_seconds, segments[-1].end_seconds + 10.0]
    there += [utterance.segments[-1].end_seconds, utterance.segments[-1].end_seconds + 10.0]
    return np.interp(times, here, there)


def truth(
    utterance: Utterance,
    segments: Sequence[Segment],
    times: Floats,
    pitch_hz: Floats,
    velocity: Floats,
) -> npt.NDArray[np.float32]:
    """The spectra of an utterance sung: stretched, tuned to the pitch, levelled, shaped."""
    place = np.clip(stretched(utterance, segments, times) / FRAME_SECONDS, 0.0, None)
    left = np.minimum(place.astype(int), len(utterance.spectra) - 2)
    share = np.clip(place - left, 0.0, 1.0)[:, None]
    spectra = (1.0 - share) * utterance.spectra[left] + share * utterance.spectra[left + 1]
    envelope, noise = spectra[:, :ENVELOPE_POINTS], spectra[:, ENVELOPE_POINTS:]
    envelope = tuned(envelope, pitch_hz, noise[:, 1] < 0.5)
    envelope = envelope + _levelling(envelope, segments, times, pitch_hz)[:, None]
    floor = np.log(LEVEL) + FLOOR_DB * np.log(10.0) / 20.0
    envelope = np.maximum(envelope, floor)
    envelope = envelope + velocity_db(velocity) * np.log(10.0) / 20.0
    return np.concatenate([envelope, noise], axis=1).astype(np.float32)


def tuned(envelope: Floats, pitch_hz: Floats, voiced: npt.NDArray[np.bool_]) -> Floats:
    """Raise the first formant to the pitch where the pitch is above it, as singers do.

    (Joliveau, Smith and Wolfe 2004: sopranos tune the first resonance to f0.)
    """
    points = mel_points(ENVELOPE_POINTS)
    band = (points > 220.0) & (points < 1100.0)
    weights = np.exp(4.0 * (envelope[:, band] - envelope[:, band].max(axis=1, keepdims=True)))
    first = (weights * points[band]).sum(axis=1) / weights.sum(axis=1)
    first = np.convolve(np.pad(first, 6, mode="edge"), np.ones(13) / 13.0, "valid")
    out = np.array(envelope)
    for frame in np.flatnonzero(voiced & (1.05 * pitch_hz > first)):
        aim = 1.05 * pitch_hz[frame]
        knee = max(2400.0, 2.0 * aim)
        where = np.interp(points, [0.0, aim, knee, 1e5], [0.0, first[frame], knee, 1e5])
        out[frame] = np.interp(where, points, envelope[frame])
    return out


def _levelling(
    envelope: Floats, segments: Sequence[Segment], times: Floats, pitch_hz: Floats
) -> Floats:
    """Natural log of the gain that brings the middle of every vowel to LEVEL."""
    points = mel_points(ENVELOPE_POINTS)
    at, gain = [], []
    for segment in segments:
        if segment.symbol not in VOWELS:
            continue
        middle = 0.6 * segment.start_seconds + 0.4 * segment.end_seconds
        frame = int(np.clip(np.searchsorted(times, middle), 0, len(times) - 1))
        partials = np.arange(1, int(16000 / pitch_hz[frame])) * pitch_hz[frame]
        power = np.exp(2.0 * np.interp(partials, points, envelope[frame])).sum() * pitch_hz[frame]
        at.append(middle)
        gain.append(np.log(LEVEL) - 0.5 * np.log(2.0 / LEVEL_HZ * power))
    return np.asarray(np.interp(times, at, gain))


def velocity_db(velocity: Floats) -> Floats:
    """Level in dB (frames, points) against velocity 0.8: softer is also darker.

    Sundberg (1987): when a singer's level changes by 1 dB, that of the singer's formant
    changes by about 1.5 dB.
    """
    overall = 22.0 * (velocity - 0.8)
    points = mel_points(ENVELOPE_POINTS)
    bright = np.clip(np.log2(np.maximum(points, 500.0) / 500.0) / 2.5, 0.0, 1.2)
    return np.asarray(overall[:, None] * (1.0 + 0.5 * bright))


def random_line(
    syllables: Sequence[Syllable], voice: str, draw: np.random.Generator
) -> list[SungNote]:
    """Notes for the syllables: mostly moderate, some fast, some long; steps and leaps."""
    low, high = COMPASS[voice]
    pitch = int(draw.integers(low, high + 1))
    velocity = float(draw.uniform(0.2, 1.0))
    time = 1.0
    notes = []
    for syllable in syllables:
        length = float(np.exp(draw.normal(np.log(0.38), 0.6)))
        length = min(max(length, 0.09), 2.5)
        notes.append(SungNote(time, time + length, pitch, velocity, syllable))
        time += length
        pitch = int(np.clip(pitch + draw.normal(0.0, 3.5), low, high))
        velocity = float(np.clip(velocity + draw.normal(0.0, 0.08), 0.1, 1.0))
    return notes
