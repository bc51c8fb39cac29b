"""A guide: melody and backing rendered in plain sounds, exactly on the grid, to be covered.

ACE-Step takes no notes. What it covers best is a whole arrangement (docs/guide/engines.md), so a
guide has all of a band: a lead of a few harmonics, soft chords, a round bass, and drums of noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.decibels import db_to_amplitude
from midi.backing import CLOSED_HAT, KICK, backing
from midi.chords import Chord
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note

Wave = npt.NDArray[np.float64]

SAMPLE_RATE = 48_000
PEAK_DB = -3.0
# Strength of each harmonic from the fundamental upwards, gain, and seconds to half the level.
LEAD = ((1.0, 0.45, 0.25, 0.12, 0.06), 0.42, 1.6)
CHORDS = ((1.0, 0.2, 0.08), 0.09, 2.5)
BASS = ((1.0, 0.35, 0.12), 0.34, 0.9)
ATTACK_SECONDS, RELEASE_SECONDS = 0.008, 0.04
PAN = 0.12  # how far chords lie to the left and hats to the right, of 1


def render_guide(
    grid: Grid, key: Key, melody: Melody | None = None, chords: Sequence[Chord] = ()
) -> Clip:
    """Return the guide in stereo at 48 kHz, exactly as long as the grid; always the same bytes.

    It plays the chords given, else such as fit the melody.
    """
    band = backing(grid, key, melody, chords)
    frames = grid.frames(SAMPLE_RATE)
    middle, left, right = (np.zeros(frames) for _ in range(3))
    for note in melody.notes if melody else ():
        _play(middle, grid, note, LEAD)
    for note in band.bass:
        _play(middle, grid, note, BASS)
    for note in band.chords:
        _play(left, grid, note, CHORDS)
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    for note in band.drums:
        channel = right if note.pitch == CLOSED_HAT else middle
        _hit(channel, grid.frame_at(note.start_beats, SAMPLE_RATE), note, noise)
    stereo = np.stack([middle + (1 + side) * left + (1 - side) * right for side in (PAN, -PAN)])
    stereo *= db_to_amplitude(PEAK_DB) / max(np.abs(stereo).max(), 1e-9)
    return Clip(stereo.astype(np.float32), SAMPLE_RATE)


def _play(
    into: Wave, grid: Grid, note: Note, sound: tuple[tuple[float, ...], float, float]
) -> None:
    """Add a note of harmonics from its frame to its end, and a short release after it."""
    harmonics, gain, half_seconds = sound
    start = grid.frame_at(note.start_beats, SAMPLE_RATE)
    end = grid.frame_at(note.end_beats, SAMPLE_RATE)
    release = round(RELEASE_SECONDS * SAMPLE_RATE)
    length = min(end + release, into.size) - start
    if length <= 0:
        return
    seconds = np.arange(length) / SAMPLE_RATE
    hz = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
    wave = np.zeros(length)
    for number, strength in enumerate(harmonics, 1):
        if number * hz < SAMPLE_RATE / 2:
            wave += strength * np.sin(2 * np.pi * number * hz * seconds)
    level = np.exp2(-seconds / half_seconds) * np.minimum(seconds / ATTACK_SECONDS, 1.0)
    level *= np.clip((end + release - start - np.arange(length)) / release, 0.0, 1.0)
    into[start : start + length] += gain * note.velocity / 127 * level * wave


def _hit(into: Wave, start: int, note: Note, noise: Wave) -> None:
    """Add a drum: a falling sine for the kick, noise for the others, the hat without its lows."""
    length = min(round(0.25 * SAMPLE_RATE), into.size - start)
    if length <= 0:
        return
    seconds = np.arange(length) / SAMPLE_RATE
    if note.pitch == KICK:  # from 150 Hz down to 50 Hz, its phase being the integral of that
        phase = 2 * np.pi * (50 * seconds + 100 * 0.03 * (1 - np.exp(-seconds / 0.03)))
        wave = 0.9 * np.sin(phase) * np.exp(-seconds / 0.09)
    elif note.pitch == CLOSED_HAT:
        wave = 0.25 * np.diff(noise[: length + 1]) * np.exp(-seconds / 0.025)
    else:
        body = 0.4 * np.sin(2 * np.pi * 190 * seconds) * np.exp(-seconds / 0.05)
        wave = body + 0.35 * noise[:length] * np.exp(-seconds / 0.07)
    into[start : start + length] += 0.5 * note.velocity / 127 * wave
