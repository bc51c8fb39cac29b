"""What the voice learns from: espeak-ng syllables, analysed by WORLD, sung on random notes.

espeak-ng (a GPL program whose output is free) speaks nonsense syllables with its Klatt synthesis
at a low, even pitch; WORLD (Morise 2016) turns them into spectra 200 times a second. Those are
stretched onto notes as a singer does it (vowels held, consonants at their own speed), moved to
the voice's vocal tract length, and shaped by pitch and velocity. Needs the program espeak-ng
with its library, and pyworld.
"""

from __future__ import annotations

import ctypes
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

from diffusion.embedded.performance import TIMBRES
from diffusion.embedded.voice.network import (
    ENVELOPE_POINTS,
    FRAME_SECONDS,
    NOISE_POINTS,
    mel_points,
)
from diffusion.embedded.voice.phonemes import DIPHTHONGS, INDEX, SILENCE, SYMBOLS, VOWELS, Syllable
from diffusion.embedded.voice.sound import LEVEL_HZ
from diffusion.embedded.voice.timing import Durations, Segment, SungNote

Floats = npt.NDArray[np.float64]

# Each voice: espeak-ng's voice, and how much shorter the vocal tract is than the speaker's.
SPEAKERS = {
    "alto": ("en-us+klatt2", 1.13),
    "tenor": ("en-us+klatt", 1.0),
    "soprano": ("en-us+klatt5", 1.21),
}
VOICES = TIMBRES["vocals"]
# Notes each voice is trained on.
COMPASS = {"alto": (50, 79), "tenor": (43, 74), "soprano": (55, 86)}
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
# Root mean square of a vowel at velocity 0.8.
LEVEL = 0.070
# Nothing is softer than this under a vowel's level, in dB.
FLOOR_DB = -80.0


# ---- speaking ------------------------------------------------------------------------------


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_PHONEME_EVENT = 7  # espeakEVENT_PHONEME in speak_lib.h


class Speaker:
    """espeak-ng's library, which tells when each phoneme begins."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        # synchronous retrieval of samples, with phoneme events
        self.sample_rate = int(self._library.espeak_Initialize(1, 200, None, 1))
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[str, float]] = []
        self._callback = _Callback(self._take)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        here = 0
        while events[here].type != 0:
            if events[here].type == _PHONEME_EVENT:
                name = bytes(events[here].id.text).decode("utf-8", "replace")
                self._events.append((name, events[here].sample / self.sample_rate))
            here += 1
        return 0

    def say(
        self, phonemes: str, voice: str, rate: int, pitch: int
    ) -> tuple[Floats, list[tuple[str, float]]]:
        """Samples of the phonemes (espeak's mnemonics) and when in seconds each begins."""
        self._pieces.clear()
        self._events.clear()
        self._library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in ((1, rate), (3, pitch), (4, 0)):  # 4: no intonation
            self._library.espeak_SetParameter(parameter, value, 0)
        text = f"[[{phonemes}]]".encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, 0x101, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._pieces) / 32768.0, list(self._events)


ONSETS = (
    "B,CH,D,DH,F,G,HH,JH,K,L,M,N,P,R,S,SH,T,TH,V,W,Y,Z,P L,P R,B L,B R,T R,T W,D R,K L,K R,K W,"
    "G L,G R,F L,F R,TH R,SH R,S P,S T,S K,S M,S N,S L,S W,S P R,S T R,S K R,K Y,M Y,F Y,ZH"
).split(",")
CODAS = (
    "B,CH,D,DH,F,G,JH,K,L,M,N,NG,P,R,S,SH,T,TH,V,Z,ZH,N T,N D,S T,L D,R T,R D,K S,T S,N Z,D Z,"
    "M P,NG K,F T,L T,R N,R M,L Z,R Z,R K,K T,P T,L V,L F,N S,M Z,L K,S K,NG Z,N CH,R S T,N D Z"
).split(",")


def nonsense(seed: int) -> tuple[Syllable, ...]:
    """Two to four random syllables that English could have."""
    draw = np.random.default_rng([seed, 1])
    line = []
    for _ in range(int(draw.integers(2, 5))):
        onset, coda = draw.random(), draw.random()
        pick = ONSETS[: len(ONSETS) if onset < 0.45 else 22]
        before = "" if onset > 0.88 else pick[int(draw.integers(len(pick)))]
        pick = CODAS[: len(CODAS) if coda < 0.25 else 21]
        after = "" if coda > 0.60 else pick[int(draw.integers(len(pick)))]
        vowel = VOWELS[int(draw.integers(len(VOWELS)))]
        if vowel in DIPHTHONGS or vowel == "ER":
            after = "" if after.startswith("R") else after
        line.append(Syllable(tuple(before.split()), vowel, tuple(after.split())))
    return tuple(line)


# ---- analysing -----------------------------------------------------------------------------


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
    syllables = nonsense(seed)
    name, shorter = SPEAKERS[voice]
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
    db = 10.0 * np.log10(power + 1e-14)
    hz = np.linspace(0.0, rate / 2.0, db.shape[1])
    voiced = np.convolve(pitch > 0, np.ones(3) / 3.0, "same")[:, None]
    points = mel_points(ENVELOPE_POINTS) / shorter
    # power averages over each point's surroundings: the valleys of a formant synthesizer are
    # deeper than a throat's
    spread = _triangles(points, hz)
    smooth = 10.0 * np.log10((10.0 ** (db / 10.0)) @ spread + 1e-14)
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
    return np.asarray(10.0 * np.log10((10.0 ** (db[:, band] / 10.0)).mean(axis=1))[:, None])


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


# ---- singing it on notes -------------------------------------------------------------------


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
    return np.interp(times, at, gain)


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
