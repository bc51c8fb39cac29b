"""What was spoken, analysed: WORLD's spectra of espeak-ng's syllables, 200 times a second.

WORLD is Morise 2016. Spectra are moved to the voice's vocal tract length. Needs the program
espeak-ng with its library, and pyworld.
"""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audio.decibels import db_to_power, power_to_db
from diffusion.embedded.voice.network import (
    ENVELOPE_POINTS,
    FRAME_SECONDS,
    NOISE_POINTS,
    mel_points,
)
from diffusion.embedded.voice.phonemes import INDEX, SILENCE, SYMBOLS, VOWELS, Syllable
from diffusion.embedded.voice.timing import Durations, Segment
from training.speaking import Speaker, nonsense

Floats = npt.NDArray[np.float64]

# Each voice: espeak-ng's voice, and how much shorter the vocal tract is than the speaker's.
SPEAKERS = {
    "alto": ("en-us+klatt2", 1.13),
    "tenor": ("en-us+klatt", 1.0),
    "soprano": ("en-us+klatt5", 1.21),
}
ESPEAK = dict(
    zip(
        SYMBOLS[1:],
        (
            "A: a V O: @ E 3: I i: U u: aU aI eI oU OI "
            "b tS d D f g h dZ k l m n N p r s S t T v w j z Z"
        ).split(),
        strict=True,
    )
)
PLOSIVES = ("B", "CH", "D", "G", "JH", "K", "P", "T")


@cache
def world() -> Any:
    """pyworld, also where setuptools no longer brings the pkg_resources it asks for a version."""
    try:
        import pkg_resources  # noqa: F401
    except ModuleNotFoundError:
        stand_in = types.ModuleType("pkg_resources")
        stand_in.get_distribution = lambda name: types.SimpleNamespace(version="")  # type: ignore
        sys.modules["pkg_resources"] = stand_in
    import pyworld

    return pyworld


@dataclass(frozen=True, slots=True)
class Utterance:
    """Spoken syllables: spectra (frames, ENVELOPE_POINTS + NOISE_POINTS) and their sounds."""

    syllables: tuple[Syllable, ...]
    segments: tuple[Segment, ...]
    spectra: npt.NDArray[np.float32]


PAD_SECONDS = 0.15


def speak(speaker: Speaker, seed: int, voice: str) -> Utterance | None:
    """The utterance of a seed in a voice; None where espeak-ng chose other sounds."""
    return speak_as(speaker, seed, *SPEAKERS[voice])


def speak_as(speaker: Speaker, seed: int, name: str, shorter: float) -> Utterance | None:
    """As speak, in espeak-ng's voice `name` with the vocal tract made `shorter`."""
    syllables = nonsense(seed)
    text = "".join(
        "".join(ESPEAK[s] for s in one.onset)
        + f"'{ESPEAK[one.vowel]}"
        + "".join(ESPEAK[s] for s in one.coda)
        for one in syllables
    )
    draw = np.random.default_rng([seed, 2])
    samples, events = speaker.say(text, name, int(draw.integers(105, 135)), 50)
    sounds = [s for one in syllables for s in (*one.onset, one.vowel, *one.coda)]
    begins = [begin for name, begin in events if not name.startswith("_")]
    ends = [begin for name, begin in events if name.startswith("_")]
    if len(begins) != len(sounds) or not ends or min(np.diff([*begins, ends[0]])) < 0.004:
        return None
    rate = speaker.sample_rate
    samples = np.concatenate([np.zeros(int(PAD_SECONDS * rate)), samples, np.zeros(rate // 5)])
    edges = np.array([*begins, ends[0]]) + PAD_SECONDS
    spectra = analyse(samples, rate, shorter)
    _include_closures(edges, sounds, spectra)
    segments = tuple(
        Segment(sound, float(a), float(b))
        for sound, a, b in zip(sounds, edges[:-1], edges[1:], strict=True)
    )
    return Utterance(syllables, segments, spectra)


def _include_closures(
    edges: Floats, sounds: Sequence[str], spectra: npt.NDArray[np.float32]
) -> None:
    """Give the silence before a plosive's burst to the plosive: espeak-ng's event is the burst."""
    level = spectra[:, :ENVELOPE_POINTS].max(axis=1)
    quiet = level < level.max() - 5.0
    for place, sound in enumerate(sounds):
        if place == 0 or sound not in PLOSIVES:
            continue
        frame = int(edges[place] / FRAME_SECONDS) - 1
        first = int(edges[place - 1] / FRAME_SECONDS) + 4
        while frame > first and quiet[frame]:
            frame -= 1
        edges[place] = min(edges[place], (frame + 1) * FRAME_SECONDS)


def analyse(samples: Floats, rate: int, shorter: float) -> npt.NDArray[np.float32]:
    """WORLD's spectra as the network's, the band above espeak-ng's 11 kHz filled in plausibly.

    `shorter` stretches the frequency axis, as a shorter vocal tract does.
    """
    pw = world()
    pitch, times = pw.dio(samples, rate, f0_floor=60, f0_ceil=300, frame_period=5.0)
    pitch = pw.stonemask(samples, pitch, times, rate)
    power = pw.cheaptrick(samples, pitch, times, rate)
    noise = pw.d4c(samples, pitch, times, rate)
    db = power_to_db(power + 1e-14)
    hz = np.linspace(0.0, rate / 2.0, db.shape[1])
    voiced = np.convolve(pitch > 0, np.ones(3) / 3.0, "same")[:, None]
    points = mel_points(ENVELOPE_POINTS) / shorter
    # power averages over each point's surroundings: the valleys of a formant synthesizer are
    # deeper than a throat's
    spread = _triangles(points, hz)
    smooth = power_to_db(db_to_power(db) @ spread + 1e-14)
    # a voice falls off steadily where the synthesizer stops at 4 kHz
    middle = _mean_db(db, hz, 2000.0, 3800.0)
    slope = middle - 7.0 - 15.0 * np.log2(np.maximum(points, 3500.0) / 3500.0)
    filled = np.where(points > 3500.0, np.maximum(smooth, slope), smooth)
    # and hiss goes on above the recording's band
    top = _mean_db(db, hz, 7000.0, 9500.0)
    hiss = top - 10.0 * np.log2(np.maximum(points, 9500.0) / 9500.0)
    open_top = np.where(points > 9500.0, hiss, smooth)
    db = voiced * filled + (1.0 - voiced) * open_top
    # breath: no real voice is a pure tone, and the less the higher
    places = mel_points(NOISE_POINTS) / shorter
    rough = np.array([np.interp(places, hz, frame) for frame in noise])
    rough = np.where(places > 8000.0, 0.75, rough)
    breath = 10.0 ** (np.interp(np.log2(places + 1.0), [7.0, 10.0, 12.0, 13.0, 14.0],
                                [-40.0, -34.0, -22.0, -14.0, -6.0]) / 20.0)  # fmt: skip
    rough = voiced * np.clip(np.maximum(rough, breath), 0.0, 0.8) + (1.0 - voiced)
    return np.concatenate([db * np.log(10.0) / 20.0, rough], axis=1).astype(np.float32)


def _triangles(points: Floats, hz: Floats) -> Floats:
    """Weights (len(hz), len(points)) averaging over the triangle to each point's neighbours."""
    step = np.maximum(np.gradient(points), 1.1 * hz[1])
    weight = np.clip(1.0 - np.abs(hz[:, None] - np.minimum(points, hz[-1])) / step, 0.0, None)
    return np.asarray(weight / weight.sum(axis=0))


def _mean_db(db: Floats, hz: Floats, low: float, high: float) -> Floats:
    band = (hz >= low) & (hz < high)
    return power_to_db(db_to_power(db[:, band]).mean(axis=1))[:, None]


SONORANTS = ("L", "M", "N", "NG", "R", "W", "Y")


def with_exact_onsets(utterance: Utterance) -> Utterance:
    """Begin each vowel where it reaches half of its amplitude, unless it grows out of a sonorant.

    espeak-ng's event is where the synthesizer starts to move towards the vowel.
    """
    segments = list(utterance.segments)
    # the loudest point under 2 kHz, and whether there is a tone at all
    level = utterance.spectra[:, :30].max(axis=1)
    tone = utterance.spectra[:, ENVELOPE_POINTS + 1] < 0.5
    for place, segment in enumerate(segments):
        before = segments[place - 1] if place else None
        if segment.symbol not in VOWELS or (before and before.symbol in (*VOWELS, *SONORANTS)):
            continue
        middle = 0.6 * segment.start_seconds + 0.4 * segment.end_seconds
        half = level[int(middle / FRAME_SECONDS)] - np.log(2.0)
        first = int((segment.start_seconds - 0.005) / FRAME_SECONDS)
        near = slice(first, int(middle / FRAME_SECONDS))
        start = FRAME_SECONDS * (first + int(np.argmax((level > half)[near] & tone[near])))
        if before and start > before.start_seconds + 0.02:
            segments[place - 1] = replace(before, end_seconds=start)
        elif before:
            continue
        segments[place] = replace(segment, start_seconds=start)
    return replace(utterance, segments=tuple(segments))


def mean_durations(utterances: Sequence[Utterance]) -> Durations:
    """How long each sound lasts before a vowel and after it, within a line: a bit under speech."""
    sums = np.zeros((2, len(SYMBOLS), 2))
    for utterance in utterances:
        roles: list[int] = []
        for one in utterance.syllables:
            roles += [0] * len(one.onset) + [-1] + [1] * len(one.coda)
        # the first and the last sound of an utterance are drawn out
        for role, segment in list(zip(roles, utterance.segments, strict=True))[1:-1]:
            if role >= 0:
                length = segment.end_seconds - segment.start_seconds
                sums[role, INDEX[segment.symbol]] += (length, 1.0)
    mean = sums[..., 0].sum(axis=1, keepdims=True) / sums[..., 1].sum(axis=1, keepdims=True)
    both = np.where(sums[..., 1] > 0, sums[..., 0] / np.maximum(sums[..., 1], 1.0), mean)
    both = np.clip(0.85 * both, 0.03, 0.11).astype(np.float32)
    both[:, INDEX[SILENCE]] = 0.0
    return Durations(both[0], both[1])


def collect(folder: Path, voice: str, count: int) -> list[Utterance | None]:
    """The utterances of seeds 0..count-1, spoken now or read from `folder`; None as in speak."""
    path = folder / f"{voice}-{count}.pickle"
    if path.exists():
        spoken = pickle.loads(path.read_bytes())
    else:
        speaker = Speaker()
        spoken = [speak(speaker, seed, voice) for seed in range(count)]
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(spoken))
    return [utterance and with_exact_onsets(utterance) for utterance in spoken]


def held_out(seed: int) -> bool:
    """Seeds kept from training: a tenth."""
    return seed % 10 == 0
