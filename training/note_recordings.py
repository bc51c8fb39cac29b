"""Recordings whose notes are known, as the networks of audio/note_starts.py hear them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.features import Floats, Power, extract_features
from audio.note_starts import AROUND, inputs
from midi.grid import Grid
from training.truth import (
    KINDS,
    RATE,
    WRITTEN_WITHIN_BEATS,
    TimeMap,
    Truth,
    known_map,
    make_truth,
    record,
)

HELD_OUT = 8  # every so many pieces one
FLOORS = (0.0, 1e-4, 1e-3, 0.0)  # of noise, standard deviation
TARGET_HOPS = 0.9  # standard deviation of a bump around each start


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What is heard (288, hops) at `seconds` (hops,), where notes start, and where they are due.

    `target` (hops,) has a bump of 1 at each start; `due` (n,) are the seconds in the recording of
    the written places that have a note.
    """

    piece: int
    drums: bool
    sound: npt.NDArray[np.float16]
    seconds: Floats
    target: Power
    due: Floats

    @property
    def held_out(self) -> bool:
        return self.piece % HELD_OUT == HELD_OUT - 1


def collect(pieces: int, seed: int, font: Path | None) -> Iterator[Recording]:
    """One recording of each piece with drums and one without, each along a map of its own."""
    for piece in range(10_000 * seed, 10_000 * seed + pieces):
        truth = make_truth(piece, font=font)
        for drums in (True, False):
            names = [name for name in truth.stems if drums or name != "drums"]
            if not names or (drums and "drums" not in truth.stems):
                continue
            number = (piece + 2 * drums) % len(KINDS)
            case = len(KINDS) * piece + number
            along = known_map(np.random.default_rng(case), KINDS[number], float(truth.grid.seconds))
            found = _recording(truth, names, along, case, piece, drums)
            if found:
                yield found


def collect_alone(pieces: int, seed: int) -> Iterator[Recording]:
    """The drums of each piece alone, another stem of every second, over noise or silence."""
    for piece in range(10_000 * seed, 10_000 * seed + pieces):
        truth = make_truth(piece)
        rng = np.random.default_rng(piece)
        names = [name for name in truth.stems if name in truth.starts]
        other = str(rng.choice([name for name in names if name != "drums"]))
        chosen = [name for name in names if name == "drums"] + [other] * (piece % 2 == 0)
        for number, name in enumerate(chosen):
            case = piece + number
            along = known_map(rng, KINDS[case % len(KINDS)], float(truth.grid.seconds))
            floor = FLOORS[case % len(FLOORS)]
            found = _recording(truth, [name], along, piece, piece, name == "drums", floor)
            if found:
                yield found


def collect_ticks(count: int, seed: int) -> Iterator[Recording]:
    """Clicks, beeps, thumps and bursts of noise on a grid with gaps, over noise or silence."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        grid = Grid.constant(float(rng.integers(60, 180)), bars=6)
        sound = np.zeros(grid.frames(RATE), np.float32)
        places = np.flatnonzero(rng.random(4 * int(grid.beats)) < rng.uniform(0.15, 0.8)) / 4
        starts = np.array([float(grid.seconds_at(place)) for place in places])
        tick = _tick(rng)
        for start, level in zip(starts, rng.uniform(0.2, 0.6, len(starts)), strict=True):
            first = round(start * RATE)
            rest = sound[first : first + len(tick)]
            rest += level * tick[: len(rest)]
        along = known_map(rng, KINDS[number % len(KINDS)], float(grid.seconds))
        truth = Truth("ticks", grid, {"drums": sound}, {"drums": tuple(starts.tolist())})
        floor = FLOORS[number % len(FLOORS)]
        found = _recording(truth, ["drums"], along, number, number, True, floor)
        if found and len(found.due) > 2:
            yield found


def _tick(rng: np.random.Generator) -> Power:
    """A sound of 2 to 80 ms that begins at once: noise, a tone, or a tone that falls."""
    seconds = np.arange(int(0.3 * RATE)) / RATE
    fading = np.exp(-seconds / rng.uniform(0.002, 0.08))
    hertz = float(np.exp(rng.uniform(np.log(45), np.log(5000))))
    falling = hertz * (1 + rng.choice([0.0, 2.0]) * np.exp(-seconds / 0.02))
    tone = np.sin(2 * np.pi * np.cumsum(falling) / RATE + rng.uniform(0, np.pi))
    noise = rng.normal(0, 0.5, len(seconds))
    mixed = (tone, noise, tone + noise)[int(rng.integers(3))]
    return np.asarray(mixed * fading, np.float32)


def _recording(
    truth: Truth,
    names: list[str],
    along: TimeMap,
    case: int,
    piece: int,
    drums: bool,
    floor: float = 0.0,
) -> Recording | None:
    sound = np.sum([truth.stems[name] for name in names], axis=0, dtype=np.float32)
    clip = record(np.asarray(sound), along, case)
    if floor:
        noise = np.random.default_rng(case + 1).normal(0, floor, clip.samples.shape)
        clip = replace(clip, samples=clip.samples + noise.astype(np.float32))
    features = extract_features(clip)
    if features is None:
        return None
    known, step = (
        features.spectrum_seconds,
        features.spectrum_seconds[1] - features.spectrum_seconds[0],
    )
    given = inputs(features)
    seconds = known[0] + (np.arange(given.shape[1]) - AROUND) * step
    starts = truth.starts_of(names)
    target = np.zeros(len(seconds), np.float32)
    for place in (along.recorded_at(starts) - seconds[0]) / step:
        near = np.arange(max(0, int(place) - 3), min(len(target), int(place) + 5))
        bump = np.exp(-(((near - place) / TARGET_HOPS) ** 2) / 2)
        target[near] = np.maximum(target[near], bump)
    due = along.recorded_at(_written(starts, truth.grid))
    return Recording(piece, drums, given.astype(np.float16), seconds, target, due)


def _written(starts: Floats, grid: Grid) -> Floats:
    """Where the notes that start there were written: on a quarter or a third of a beat, if near."""
    beats = np.array([float(grid.beat_at(second)) for second in starts])
    places = np.stack([np.round(beats * 4) / 4, np.round(beats * 3) / 3])
    nearest = places[np.abs(places - beats).argmin(axis=0), np.arange(len(beats))]
    scatter = 0.012 * grid.bpm / 60  # three times what players scatter by
    close = np.abs(nearest - beats) <= WRITTEN_WITHIN_BEATS + scatter
    written = np.unique(np.round(np.where(close, nearest, beats), 4))
    return np.array([float(grid.seconds_at(beat)) for beat in written])
