"""Excerpts of recordings by people, each with the moments at which its beats are known to fall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.clip import Clip, Samples
from benchmarks.recording_sources import LOOPS, SONGS, Loop, Song, read_mono
from midi.grid import Grid
from training.truth import RATE, Floats, TimeMap, record

FROM_SECONDS, EXCERPT_SECONDS = 25.0, 45.0
LEAD_IN_SECONDS = 0.020  # an excerpt begins so far in front of a bar line
LATE_SECONDS = 0.37
DRIFT = 0.015
METER, BAR_BEATS = "4/4", 4
TILED_SECONDS = 16.0
EXCERPTS = ("as is", "to +3 %", "faster and late", "drift", "inside a bar", "slow", "step")
GUITARS = ("guitar", "guitar, faster and late", "guitar, drift", "guitar, inside a bar")
WHOLE, ONCE, TILED = "whole song", "loop once", "loop tiled"
KINDS = (*EXCERPTS, *GUITARS, WHOLE, ONCE, TILED)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A recording asked to go to `asked_bpm`, though it is at `bpm` where that is another.

    `beats_seconds` (n,) are the beats in the recording from its first bar line on; it has `bars`
    whole bars.
    """

    name: str
    kind: str
    held_out: bool
    clip: Clip
    bpm: float
    asked_bpm: float
    beats_seconds: Floats
    bars: int

    def grid(self, bars: int) -> Grid:
        """The grid asked for."""
        return Grid.constant(str(self.asked_bpm), METER, bars)

    def expected(self, bars: int) -> Grid:
        """The grid that the recording follows."""
        return Grid.constant(str(self.bpm), METER, bars)


def cases(folder: Path, kinds: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Case]:
    """The cases of those kinds; of all songs and loops where none is named."""
    for song in SONGS:
        if (not names or song.name in names) and any(kind not in (ONCE, TILED) for kind in kinds):
            yield from _of_song(song, folder, kinds)
    for loop in LOOPS:
        if not names or loop.name in names:
            yield from (_of_loop(loop, folder, kind) for kind in kinds if kind in (ONCE, TILED))


def _of_song(song: Song, folder: Path, kinds: tuple[str, ...]) -> Iterator[Case]:
    excerpts = [kind for kind in kinds if kind in EXCERPTS]
    guitars = [kind for kind in kinds if kind in GUITARS and not song.project]
    if excerpts or WHOLE in kinds:
        sound = read_mono(song.path(folder))
        yield from (_excerpt(song, sound, kind) for kind in excerpts)
        if WHOLE in kinds:
            yield _whole(song, sound)
    if guitars:
        sound = read_mono(song.path(folder, "guitar"))
        yield from (_excerpt(song, sound, kind) for kind in guitars)


def _beats(song: Song, seconds: float) -> Floats:
    """All beats of a song from its first bar line on."""
    count = int((seconds - song.late_seconds) * song.bpm / 60)
    return song.late_seconds + np.arange(song.first_beat, count + 1) * 60 / song.bpm


def _excerpt(song: Song, sound: Samples, kind: str) -> Case:
    what = kind.removeprefix("guitar").removeprefix(", ") or "as is"
    seconds = len(sound) / RATE
    beats = _beats(song, seconds)
    after = min(FROM_SECONDS, max(0.1, seconds - EXCERPT_SECONDS))
    line = BAR_BEATS * int(np.ceil(np.searchsorted(beats, after) / BAR_BEATS))
    first = line + 1 if what == "inside a bar" else line
    start = float(beats[first]) - LEAD_IN_SECONDS
    length = min(EXCERPT_SECONDS, seconds - start)
    cut = sound[int(start * RATE) : int((start + length) * RATE)]
    along = _map(what, length)
    falls = beats[(line + BAR_BEATS if first > line else line) :] - int(start * RATE) / RATE
    falls = along.recorded_at(falls[falls < length])
    asked = song.bpm * 1.03 if what == "to +3 %" else song.bpm
    return _case(song, kind, cut if what in ("as is", "to +3 %", "inside a bar")
                 else record(cut, along, 1).samples[0], asked, falls)  # fmt: skip


def _whole(song: Song, sound: Samples) -> Case:
    return _case(song, WHOLE, sound, song.bpm, _beats(song, len(sound) / RATE))


def _case(song: Song, kind: str, sound: Samples, asked: float, falls: Floats) -> Case:
    clip = Clip(np.ascontiguousarray(sound, dtype=np.float32)[None], RATE)
    bars = int((len(falls) - 1) / BAR_BEATS)
    return Case(song.name, kind, song.held_out, clip, song.bpm, asked, falls, bars)


def _map(kind: str, seconds: float) -> TimeMap:
    """How an excerpt of that length was recorded anew."""
    piece = np.linspace(0, seconds, int(seconds * 50) + 2)
    faster, late = np.zeros(len(piece)), 0.0
    if kind == "faster and late":
        faster, late = faster + 0.021, LATE_SECONDS
    elif kind == "drift":
        faster = DRIFT * np.sin(2 * np.pi * piece / seconds)
    elif kind == "slow":
        faster = faster - 0.012
    elif kind == "step":
        faster = np.where(piece < seconds / 2, 0.0, 0.025)
    steps = np.diff(piece) / (1 + (faster[1:] + faster[:-1]) / 2)
    return TimeMap(piece, late + np.concatenate([[0.0], np.cumsum(steps)]))


def _of_loop(loop: Loop, folder: Path, kind: str) -> Case:
    sound = read_mono(loop.path(folder))
    seconds = len(sound) / RATE
    times = max(1, round(TILED_SECONDS / seconds)) if kind == TILED else 1
    clip = Clip(np.tile(sound, times)[None], RATE)
    bpm = 60 * loop.beats / seconds
    falls = np.arange(times * loop.beats + 1) * 60 / bpm
    bars = times * loop.beats // BAR_BEATS
    return Case(loop.name, kind, loop.held_out, clip, bpm, bpm, falls, bars)
