"""Music whose beats are known, and recordings of it that are late, slow, drifting or stepping.

The pieces are written by the project's composer and played by the decoder that ships, so no
soundfont is needed; one may be named, to hear how other sounds fare. Notes are played where they
are written, less or more a scatter of 4 ms (standard deviation) that each has on its own: what a
whole band lags behind the beat nobody could hear. Recordings are made by reading the piece along a
known map of time, as tape would.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from audio.clip import Clip
from audio.decibels import db_to_amplitude
from diffusion.embedded.performance import PART_STEM, Part, Performance, Played
from midi.grid import Grid
from midi.key import Key
from midi.note import Note
from training.compose.arrange import compose
from training.sounds import DRUM_BANK, KITS, PROGRAMS, Event, Soundfont

RATE = 44_100
SECONDS = 24  # of each piece, in whole bars, at least four
STEMS = ("drums", "bass", "melody")
SCATTER_SECONDS = 0.004
WRITTEN_WITHIN_BEATS = 0.035  # the composer's players are never further from what is written
HISS = 1e-5  # -100 dBFS: no recording is digitally silent
KINDS = ("constant", "drift", "late", "step")

Floats = npt.NDArray[np.float64]

if TYPE_CHECKING:
    from diffusion.embedded.decoder.decoder import Decoder

# Read when torch is imported, which is later: threads must not spin while they wait for others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A piece by stem, mono (frames,) at RATE, with the seconds at which its notes begin."""

    name: str
    grid: Grid
    stems: dict[str, npt.NDArray[np.float32]]
    starts: dict[str, tuple[float, ...]]

    def starts_of(self, stems: list[str]) -> Floats:
        """Every moment at which something begins in any of the stems."""
        return np.array(sorted({start for stem in stems for start in self.starts.get(stem, ())}))


@dataclass(frozen=True, slots=True, eq=False)
class TimeMap:
    """Seconds in the piece (n,) and in its recording (n,), straight in between."""

    piece: Floats
    recording: Floats

    def recorded_at(self, seconds: Floats) -> Floats:
        return np.asarray(np.interp(seconds, self.piece, self.recording))


@lru_cache
def _decoder() -> Decoder:
    from diffusion.embedded.decoder.decoder import Decoder

    weights = Path(str(resources.files("diffusion.embedded.weights")))
    return Decoder(weights / "decoder-v1.safetensors")


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The key of a piece, and its lead instrument alone, mono at RATE, with the notes it plays."""

    key: Key
    lead: npt.NDArray[np.float32] | None
    notes: tuple[Note, ...]


def make_labels(seed: int, grid: Grid) -> Labels:
    """The labels of what make_truth makes of the same seed, without the scatter."""
    piece = compose(seed)
    key = Key(piece.tonic, piece.mode)
    lead = piece.performance.parts.get("lead")
    end = float(grid.beats)
    played = tuple(n for n in lead.notes if n.start_beats + n.length_beats <= end) if lead else ()
    if lead is None or not played:
        return Labels(key, None, ())
    clips = _decoder().render(
        Performance(end, {"lead": replace(lead, notes=played)}), grid, RATE, stems=["melody"],
        seed=seed,
    )  # fmt: skip
    notes = tuple(Note(Fraction(n.start_beats), Fraction(n.length_beats), n.pitch) for n in played)
    return Labels(key, clips["melody"].samples.mean(axis=0), notes)


def make_truth(seed: int, *, meter: str | None = None, font: Path | None = None) -> Truth:
    """Compose and play a piece, by a soundfont if named; the same seed gives the same sound."""
    piece = compose(seed, meter=meter)
    one = float(Grid.constant(piece.bpm, piece.meter, 1).seconds)
    grid = Grid.constant(piece.bpm, piece.meter, min(piece.bars, max(4, int(SECONDS / one))))
    rng = Random(f"scatter {seed}")
    parts = {
        name: replace(part, notes=_as_written(rng, part, grid))
        for name, part in piece.performance.parts.items()
        if PART_STEM[name] in STEMS
    }
    parts = {name: part for name, part in parts.items() if part.notes}
    stems = [stem for stem in STEMS if any(PART_STEM[name] == stem for name in parts)]
    if font:
        sounds = _by_soundfont(font, parts, grid)
    else:
        clips = _decoder().render(
            Performance(float(grid.beats), parts), grid, RATE, stems=stems, seed=seed
        )
        sounds = {stem: clip.samples.mean(axis=0) for stem, clip in clips.items()}
    starts: dict[str, tuple[float, ...]] = {}
    for name, part in parts.items():
        seconds = tuple(float(grid.seconds_at(note.start_beats)) for note in part.notes)
        starts[PART_STEM[name]] = starts.get(PART_STEM[name], ()) + seconds
    return Truth(
        f"{seed} {piece.style} {piece.bpm:g} bpm {piece.meter}",
        grid,
        sounds,
        starts,
    )


def _by_soundfont(
    path: Path, parts: dict[str, Part], grid: Grid
) -> dict[str, npt.NDArray[np.float32]]:
    """The stems of a performance by General MIDI's programs; notes begin 0 to 1.5 ms late."""
    font, frames = _soundfont(path), grid.frames(RATE)
    stems: dict[str, npt.NDArray[np.float32]] = {}
    for name, part in parts.items():
        drums = PART_STEM[name] == "drums"
        events = [
            Event(
                round(float(grid.seconds_at(note.start_beats) * RATE)),
                max(1, round(note.length_beats * 60 / grid.bpm * RATE)),
                note.pitch,
                min(127, round(20 + 100 * note.velocity)),
            )
            for note in part.notes
        ]
        sound = font.play(
            events, frames, program=KITS[part.timbre] if drums else PROGRAMS[part.timbre],
            bank=DRUM_BANK if drums else 0,
        )  # fmt: skip
        sound = sound * np.float32(db_to_amplitude(part.gain_db))
        stems[PART_STEM[name]] = stems.get(PART_STEM[name], np.float32(0)) + sound
    return stems


@lru_cache
def _soundfont(path: Path) -> Soundfont:
    return Soundfont(path)


def _as_written(rng: Random, part: Part, grid: Grid) -> tuple[Played, ...]:
    scatter = SCATTER_SECONDS * grid.bpm / 60
    notes = []
    for note in part.notes:
        if note.start_beats > float(grid.beats) - 0.05:
            continue
        places = (round(note.start_beats * 4) / 4, round(note.start_beats * 3) / 3)
        nearest = min(places, key=lambda place: abs(place - note.start_beats))
        close = abs(nearest - note.start_beats) <= WRITTEN_WITHIN_BEATS
        at = nearest if close else note.start_beats  # swung
        moved = max(0.0, at + rng.gauss(0, scatter)) if at > 0 else 0.0
        notes.append(replace(note, start_beats=moved))
    return tuple(sorted(notes, key=lambda note: note.start_beats))


def known_map(rng: np.random.Generator, kind: str, seconds: float) -> TimeMap:
    """A map of one of KINDS: 0.5 to 5 % off, drift to 3 %, a step of 1 to 3 %, or nearly right.

    Every "late" recording and half of the others start 0 to 0.9 s late.
    """
    piece = np.linspace(0, seconds, int(seconds * 50) + 2)
    way = piece / seconds
    sign = rng.choice([-1, 1])
    if kind == "constant":
        faster = np.full(len(piece), sign * rng.uniform(0.005, 0.05))
    elif kind == "drift":
        turns, phase = rng.uniform(0.5, 1.5), rng.uniform()
        faster = rng.uniform(0.005, 0.03) * np.sin(2 * np.pi * (turns * way + phase))
    elif kind == "step":
        first = rng.uniform(-0.025, 0.025)
        second = first + sign * rng.uniform(0.01, 0.03)
        faster = np.where(way < rng.uniform(0.3, 0.7), first, second)
    else:
        faster = np.full(len(piece), rng.uniform(-0.005, 0.005))
    steps = np.diff(piece) / (1 + (faster[1:] + faster[:-1]) / 2)
    late = rng.uniform(0, 0.9) if kind == "late" or rng.random() < 0.5 else 0.0
    return TimeMap(piece, late + np.concatenate([[0.0], np.cumsum(steps)]))


def record(sound: npt.NDArray[np.float32], time_map: TimeMap, seed: int) -> Clip:
    """Read mono sound along the map (cubic interpolation), as a clip of one channel with hiss."""
    frames = int(time_map.recording[-1] * RATE)
    now = np.arange(frames) / RATE
    begun = now >= time_map.recording[0]
    places = np.interp(now[begun], time_map.recording, time_map.piece) * RATE
    out = np.random.default_rng(seed).normal(0, HISS, frames)
    out[begun] += map_coordinates(sound.astype(np.float64), [places], order=3, mode="nearest")
    return Clip(out.astype(np.float32)[None], RATE)
