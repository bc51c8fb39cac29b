"""One voice as notes: a bass line, a melody, what somebody sings.

A note begins where a sound does (audio.onsets) and either the treble rises, as it does when a
string is struck again, or the pitch is another; or where the pitch moves to another semitone and
stays. Its pitch is the one whose partials, weighted less the higher they are, sum to most
(harmonic summation, Hermes 1988).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from audio.biquads import filtered, high_pass
from audio.clip import Clip, resample_fast
from audio.decibels import power_to_db
from audio.features import Floats, audible, extract_features
from audio.onsets import find_onsets
from midi.note import TimedNote

LISTENING_RATE = 16_000
ZERO_PADDING = 4
PARTIALS, PARTIAL_WEIGHT = 12, 0.82
STEPS_PER_SEMITONE = 8
HOP_SECONDS = 0.016
ATTACK_SECONDS = 0.012  # after an onset, before which attacks have no pitch
SHORTEST_SECONDS = 0.045
STAYS_HOPS = 5  # a pitch that is left sooner is a slide or a slip
FIRM = 0.35  # share of the power that lies on the partials, from which on there is a pitch
TREBLE_HZ, TREBLE_RISE_DB = 800.0, 1.0  # what rings on falls there, what is struck rises
NEW_SHARE = 0.3  # of the spectrum is new where one pitch gives way to another
FADED_DB, FADED_HOPS = 26.0, 2  # so far under its own loudest moment for so long it is over
FAINT_DB = 42.0  # under the loudest note of all there is none


@dataclass(frozen=True, slots=True)
class Voice:
    """Lowest and highest MIDI pitch of a voice, and a window in seconds to tell its lowest."""

    lowest: int
    highest: int
    window_seconds: float


VOICES: Mapping[str, Voice] = {
    "bass": Voice(23, 67, 0.128),
    "melody": Voice(40, 96, 0.064),
    "vocals": Voice(40, 88, 0.064),
}


def detect_voice(clip: Clip, voice: Voice) -> list[TimedNote]:
    """Return the notes of a clip in which one voice sounds at a time, by start."""
    mono = audible(clip)
    if mono.sample_rate < LISTENING_RATE:
        mono = resample_fast(mono, LISTENING_RATE)
    sound = _Spectra(resample_fast(mono, LISTENING_RATE).samples[0], voice)
    features = extract_features(mono)
    if features is None:
        return []
    return list(_notes(sound, find_onsets(features.onsets, features.attacks).seconds))


class _Spectra:
    """Pitches of short windows of a mono sound."""

    def __init__(self, mono: npt.NDArray[np.float32], voice: Voice) -> None:
        self._window = round(voice.window_seconds * LISTENING_RATE)
        self._mono = np.pad(mono, (self._window, self._window))
        butterworth = high_pass(TREBLE_HZ, 2**-0.5, LISTENING_RATE)
        self._treble = filtered(self._mono, [butterworth], LISTENING_RATE)
        self.seconds = len(mono) / LISTENING_RATE
        self._hann = np.hanning(self._window)
        self.window_seconds = voice.window_seconds
        steps = (voice.highest - voice.lowest) * STEPS_PER_SEMITONE + 1
        self.pitches = voice.lowest + np.arange(steps) / STEPS_PER_SEMITONE
        hertz = 440 * 2 ** ((self.pitches - 69) / 12)
        bins_a_hertz = self._window * ZERO_PADDING / LISTENING_RATE
        partials = np.arange(1, PARTIALS + 1)
        places = np.rint(hertz[:, None] * partials * bins_a_hertz).astype(int)
        self._heard = places < self._window * ZERO_PADDING // 2
        self._places = np.where(self._heard, places, 0)
        self._weights = PARTIAL_WEIGHT**partials * self._heard

    def at(self, second: float) -> Floats:
        """Magnitudes of the window that begins there."""
        first = round(second * LISTENING_RATE) + self._window
        first = min(max(first, 0), len(self._mono) - self._window)
        cut = self._mono[first : first + self._window] * self._hann
        return np.asarray(np.abs(np.fft.rfft(cut, self._window * ZERO_PADDING)))

    def pitch(self, spectrum: Floats) -> tuple[float, float]:
        """The best pitch of a spectrum, and the share of its power on that one's partials."""
        salience = (np.sqrt(spectrum)[self._places] * self._weights).sum(1)
        best = int(salience.argmax())
        reach = 2 * ZERO_PADDING  # half the main lobe of the window
        on = np.zeros(len(spectrum), bool)
        for place in self._places[best][self._heard[best]]:
            on[max(0, place - reach) : place + reach + 1] = True
        total = float(np.square(spectrum).sum())
        share = float(np.square(spectrum[on]).sum()) / total if total > 0 else 0.0
        return float(self.pitches[best]), share

    def level_db(self, first_second: float, last_second: float) -> float:
        """Level of the sound between two moments, in dB."""
        return self._level_db(self._mono, first_second, last_second)

    def treble_rise_db(self, onset: float) -> float:
        """How much louder the treble is right after an onset than right before it."""
        after = self._level_db(self._treble, onset - 0.002, onset + 0.020)
        return after - self._level_db(self._treble, onset - 0.030, onset - 0.008)

    def new_share(self, onset: float) -> float:
        """How much of the spectrum right after an onset was not there before, 0..1."""
        after, before = (self._short(onset + late) for late in (0.0, -0.040))
        new = float(np.linalg.norm(np.maximum(0.0, after - before)))
        return new / (float(np.linalg.norm(after)) + 1e-9)

    def _short(self, second: float) -> Floats:
        first = max(0, round(second * LISTENING_RATE) + self._window)
        cut = self._mono[first : first + 512]
        return np.asarray(np.abs(np.fft.rfft(cut * np.hanning(len(cut)), 512)))

    def _level_db(self, sound: npt.NDArray[np.floating], first: float, last: float) -> float:
        begin, end = (round(second * LISTENING_RATE) + self._window for second in (first, last))
        cut = sound[max(begin, 0) : max(end, begin + 1, 1)]
        return float(power_to_db(np.mean(np.square(cut, dtype=np.float64)) + 1e-12))


@dataclass(frozen=True, slots=True)
class _Beginning:
    seconds: float
    pitch: int
    level_db: float


def _notes(sound: _Spectra, onsets: Floats) -> Iterator[TimedNote]:
    begun = _beginnings(sound, onsets)
    if not begun:
        return
    loudest = max(each.level_db for each in begun)
    ends = [*(each.seconds for each in begun[1:]), sound.seconds]
    for each, end in zip(begun, ends, strict=True):
        if each.level_db < loudest - FAINT_DB:
            continue
        end = _end(sound, each, end)
        if end - each.seconds >= SHORTEST_SECONDS:
            velocity = min(1.0, max(0.1, 1 + (each.level_db - loudest) / 40))
            yield TimedNote(each.seconds, end - each.seconds, each.pitch, velocity)


def _beginnings(sound: _Spectra, onsets: Floats) -> list[_Beginning]:
    """Where notes begin: at onsets with a pitch, and where the pitch moves between two."""
    ends = [*map(float, onsets), sound.seconds]
    found = list(_moves(sound, None, 0.0, ends[0]))  # what swells before anything is struck
    for onset, end in pairwise(ends):
        pitch, share = sound.pitch(sound.at(onset + ATTACK_SECONDS))
        moved = not found or found[-1].pitch != round(pitch)
        struck = sound.treble_rise_db(onset) >= TREBLE_RISE_DB
        if share >= FIRM and (struck or (moved and sound.new_share(onset) >= NEW_SHARE)):
            found.append(_Beginning(onset, round(pitch), sound.level_db(onset, onset + 0.08)))
        found += _moves(sound, found[-1].pitch if found else None, onset, end)
    return found


def _moves(sound: _Spectra, pitch: int | None, onset: float, end: float) -> Iterator[_Beginning]:
    """Moves of the pitch, or out of silence to one, from one onset to the next."""
    moments = np.arange(onset + 0.06, end - sound.window_seconds, HOP_SECONDS)
    run: list[int] = []
    for moment in map(float, moments):
        heard, share = sound.pitch(sound.at(moment))
        now = round(heard)
        # An octave is a slip of hearing, not a move.
        if share < FIRM or (pitch is not None and (now - pitch) % 12 == 0):
            run = []
            continue
        run = [*run, now] if run and run[-1] == now else [now]
        if len(run) == STAYS_HOPS:
            begun = moment - (STAYS_HOPS - 1) * HOP_SECONDS + sound.window_seconds / 2
            yield _Beginning(begun, now, sound.level_db(begun, begun + 0.08))
            pitch = now


def _end(sound: _Spectra, note: _Beginning, latest: float) -> float:
    """When the note has faded, at the latest when the next one begins."""
    moments = np.arange(note.seconds, latest, HOP_SECONDS)
    levels = np.array([sound.level_db(m, m + 2 * HOP_SECONDS) for m in map(float, moments)])
    if not len(levels):
        return latest
    loudest = int(levels.argmax())
    faded = levels[loudest:] < levels[loudest] - FADED_DB
    for hop in np.flatnonzero(faded):
        if faded[hop : hop + FADED_HOPS].all():  # no mere dip; the next note's attack may follow
            return float(moments[loudest + hop])
    return latest
