"""The pitch and loudness a singer draws over the notes, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from diffusion.embedded.voice.phonemes import SILENCE, VOWELS
from diffusion.embedded.voice.timing import LEGATO_SECONDS, Segment, SungNote

Floats = npt.NDArray[np.float64]

# A glide between joined notes begins before the new note's start and is over soon after it.
GLIDE_SECONDS = (-0.050, 0.020)
# Vibrato as singers use it (Prame 1994: about 5.5 to 6 Hz): it sets in late and grows.
VIBRATO_HZ = (5.2, 5.8)
VIBRATO_CENTS = 18.0
VIBRATO_DELAY_SECONDS = 0.30
VIBRATO_GROWTH_SECONDS = 0.35
# A phrase is entered from slightly below.
SCOOP_CENTS = 35.0
SCOOP_SECONDS = 0.022
# Slow drift and fast jitter of a healthy voice, standard deviation in cents.
DRIFT_CENTS = 2.5
JITTER_CENTS = 1.0
# A note that repeats the last one's pitch on the same vowel is set apart by a short dip.
DIP_DB = 7.0
DIP_SECONDS = 0.030
# A vowel before a rest fades out.
RELEASE_DB = 14.0
RELEASE_SECONDS = 0.09
# Long notes swell a little towards their middle.
SWELL = 0.07


def pitch_hz(notes: Sequence[SungNote], times: Floats, generator: np.random.Generator) -> Floats:
    """The f0 at `times` (seconds), in Hz, defined also where nobody sings."""
    if not notes:
        return np.full(len(times), 220.0)
    semitones = np.full(len(times), float(notes[0].pitch))
    cents = _wander(len(times), generator)
    before = None
    for note in notes:
        start, end = note.start_seconds, note.end_seconds
        joined = before is not None and start - before.end_seconds < LEGATO_SECONDS
        early, late = GLIDE_SECONDS
        if joined and before is not None:
            early = max(early, -0.3 * (start - before.start_seconds))
            late = min(late, 0.3 * (end - start))
        else:  # the jump happens in silence, before the onset consonants
            early, late = -0.30, -0.25
        first = int(np.searchsorted(times, start + early))
        share = np.clip((times[first:] - start - early) / (late - early), 0.0, 1.0)
        share = share * share * (3.0 - 2.0 * share)
        semitones[first:] += share * (note.pitch - semitones[first:])
        here = slice(int(np.searchsorted(times, start - 0.1)), int(np.searchsorted(times, end)))
        since = times[here] - start
        if not joined:
            cents[here] -= SCOOP_CENTS * np.exp(-np.maximum(since, 0.0) / SCOOP_SECONDS)
        rate = generator.uniform(*VIBRATO_HZ)
        growth = np.clip((since - VIBRATO_DELAY_SECONDS) / VIBRATO_GROWTH_SECONDS, 0.0, 1.0)
        ending = np.clip((end - times[here]) / 0.06, 0.0, 1.0)
        angle = 2 * np.pi * rate * (since - VIBRATO_DELAY_SECONDS)
        cents[here] += VIBRATO_CENTS * growth * ending * np.sin(angle)
        before = note
    return np.asarray(440.0 * 2.0 ** ((semitones - 69.0 + cents / 100.0) / 12.0))


def _wander(count: int, generator: np.random.Generator) -> Floats:
    """Drift and jitter in cents for `count` frames of 5 ms."""
    jitter = generator.standard_normal(count + 2)
    drift = generator.standard_normal(count // 40 + 3)  # a new aim each 200 ms
    slow = np.interp(np.arange(count) / 40.0, np.arange(len(drift)), drift)
    fast = (jitter[:-2] + jitter[1:-1] + jitter[2:]) / np.sqrt(3.0)
    return np.asarray(DRIFT_CENTS * slow + JITTER_CENTS * fast)


def loudness(notes: Sequence[SungNote], times: Floats) -> Floats:
    """The velocity at `times`: the notes' own, joined by short slopes, long notes swelling."""
    level = np.full(len(times), notes[0].velocity if notes else 0.0)
    for note in notes:
        start, end = note.start_seconds, note.end_seconds
        first = int(np.searchsorted(times, start - 0.15))
        share = np.clip((times[first:] - start + 0.06) / 0.08, 0.0, 1.0)
        level[first:] += share * (note.velocity - level[first:])
    for note in notes:
        start, end = note.start_seconds, note.end_seconds
        here = slice(int(np.searchsorted(times, start)), int(np.searchsorted(times, end)))
        place = (times[here] - start) / max(end - start, 1e-3)
        depth = SWELL * min(1.0, max(0.0, (end - start - 0.4) / 0.8))
        level[here] += depth * (np.sin(np.pi * place) - 0.35)
    return np.asarray(np.clip(level, 0.0, 1.0))


def shape_db(notes: Sequence[SungNote], segments: Sequence[Segment], times: Floats) -> Floats:
    """Level changes in dB (at most 0): releases before rests, and dips that set apart notes
    which nothing else separates."""
    change = np.zeros(len(times))
    for here, segment in enumerate(segments):
        rest = here + 1 == len(segments) or segments[here + 1].symbol == SILENCE
        if segment.symbol in VOWELS and rest:
            length = min(RELEASE_SECONDS, 0.3 * (segment.end_seconds - segment.start_seconds))
            first = int(np.searchsorted(times, segment.end_seconds - length))
            share = (times[first:] - segment.end_seconds) / max(length, 1e-3) + 1.0
            over = times[first:] < segment.end_seconds + 0.05
            change[first:] -= np.where(over, RELEASE_DB * np.clip(share, 0.0, 1.0) ** 1.5, 0.0)
    starts = {round(segment.start_seconds, 4): segment.symbol for segment in segments}
    ends = {round(segment.end_seconds, 4): segment.symbol for segment in segments}
    for before, note in pairwise(notes):
        edge = round(note.start_seconds, 4)
        same_vowel = note.syllable is None or ends.get(edge) == starts.get(edge)
        joined = note.start_seconds - before.end_seconds < LEGATO_SECONDS
        if joined and same_vowel and before.pitch == note.pitch:
            at = note.start_seconds - 0.5 * DIP_SECONDS
            near = slice(
                int(np.searchsorted(times, at - 0.1)), int(np.searchsorted(times, at + 0.1))
            )
            change[near] -= DIP_DB * np.exp(-(((times[near] - at) / (0.5 * DIP_SECONDS)) ** 2))
    return change
