"""Fit the weights by which the first downbeat is chosen.

`python -m training.fit_downbeat --pieces 400 --first 210000 --workers 2` makes pieces of those
seeds, which the truth test does not use, records each along a known map with drums and without,
fits the logistic model of `audio/downbeat.py`, and prints how often it is right on pieces left out
and whether the weights are those that ship; `--write` makes them so. Each recording counts again,
for less, as if it had been started inside the first bar, and as if it ended earlier and only as
many bars were asked for as its length suggests: or where music starts and ends would be all that
is looked for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

import audio.downbeat
from audio.beats import MIN_DOWNBEAT_CONFIDENCE, find_pulses
from audio.clip import Clip
from audio.decibels import db_to_power
from audio.downbeat import FACTS, WEIGHTS, find_evidence
from audio.features import Floats, OnsetEnvelope, extract_features
from audio.note_starts import find_note_starts
from audio.pulse import pulse_of
from audio.slot_features import BarFeatures, Slots
from midi.grid import Grid
from training.truth import KINDS, TimeMap, known_map, make_truth, record

NEAR_SLOTS = 0.4  # the slot nearest to the truth is the right one if it is so near
WITHIN_SECONDS = 0.045  # or this
STARTS = ("at a bar", "inside a bar", "anywhere, and end anywhere")
COUNTS = (1.0, 0.3, 0.3)  # of each of these
LEAD_IN_SECONDS = 0.005  # from where a recording starts to the pulse it starts with
EARLIEST_END = 0.6  # of the recording
HUSH = 0.002  # a recording cut where its power is under that much of its own starts softly
RIDGE = 10.0  # in standard deviations of each fact
FOLDS = 5
SAME_WITHIN = 0.01

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Evidence (slots, facts) of one recording, which row is right, and what it is of."""

    evidence: Floats
    right: int
    piece: int
    drums: bool
    starts: int  # which of STARTS


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What find_evidence was asked about."""

    features: BarFeatures
    grid: Grid
    slots: Slots

    def between(self, first: float, end: float, grid: Grid) -> Asked:
        """The same of a recording from `first` to `end`, in seconds, that may have other bars."""
        features = _between(self.features, first, end)
        return replace(
            self,
            features=features,
            grid=grid,
            slots=replace(self.slots, seconds=self.slots.seconds - first),
        )

    def example(self, downbeat: float, piece: int, drums: bool, starts: int) -> Example | None:
        """None where the first downbeat, at so many seconds, was not found to be a slot."""
        candidates, evidence = find_evidence(self.features, self.grid, self.slots)
        if not len(candidates):
            return None
        off = np.abs(self.slots.seconds[candidates] - downbeat)
        spacing = float(np.median(np.diff(self.slots.seconds)))
        right = int(off.argmin())
        if off[right] > min(max(WITHIN_SECONDS, NEAR_SLOTS * spacing), spacing / 2):
            return None
        return Example(evidence.astype(np.float32), right, piece, drums, starts)


def examples_of(piece: int) -> list[Example]:
    """Evidence of recordings of a piece whose first downbeat was found to be a slot."""
    truth, found = make_truth(piece), []
    for drums in (True, False):
        names = [name for name in truth.stems if drums or name != "drums"]
        if not names or (drums and "drums" not in truth.stems):
            continue
        kind = (piece + (2 if drums else 0)) % len(KINDS)
        seed = len(KINDS) * piece + kind
        along = known_map(np.random.default_rng(seed), KINDS[kind], float(truth.grid.seconds))
        sound = np.asarray(np.sum([truth.stems[name] for name in names], axis=0, dtype=np.float32))
        asked = _asked(record(sound, along, seed), truth.grid)
        if asked:
            rng = np.random.default_rng(seed)
            for starts, one, downbeat in _variants(asked, along, rng):
                found.append(one.example(downbeat, piece, drums, starts))
    return [example for example in found if example]


def _asked(clip: Clip, grid: Grid) -> Asked | None:
    """What find_beats would ask find_evidence about."""
    features = extract_features(clip)
    found = features and find_pulses(features.onsets, find_note_starts(features).envelope, grid)
    return Asked(BarFeatures.of(clip, features), grid, found[1]) if features and found else None


def _variants(
    asked: Asked, along: TimeMap, rng: np.random.Generator
) -> Iterator[tuple[int, Asked, float]]:
    """Each with the index of STARTS and the second of the first downbeat."""
    yield 0, asked, float(along.recording[0])
    grid, step, seconds = asked.grid, pulse_of(asked.grid)[0], asked.features.seconds
    bar_seconds, pulses = float(grid.seconds_at(grid.bar_starts[1])), int(grid.bar_starts[1] / step)

    def inside() -> tuple[float, float]:
        """Where a recording starts that starts with another pulse, and its first downbeat."""
        beats = (int(rng.integers(1, pulses)) * step, grid.bar_starts[1])
        at, downbeat = along.recorded_at(np.array([float(grid.seconds_at(b)) for b in beats]))
        return float(at) - LEAD_IN_SECONDS, float(downbeat)

    if pulses > 1:
        at, downbeat = inside()
        yield 1, asked.between(at, seconds, grid), downbeat - at
    end = float(seconds * rng.uniform(EARLIEST_END, 1))
    at, downbeat = (
        inside() if pulses > 1 and rng.random() < 0.5 else (0.0, float(along.recording[0]))
    )
    bars = min(grid.bars, round((end - at) / bar_seconds))
    if bars > 1:
        yield 2, asked.between(at, end, Grid(bars, grid.tempo, grid.meters)), downbeat - at


def _between(features: BarFeatures, first: float, end: float) -> BarFeatures:
    def kept(seconds: Floats, lead: float = 0.0) -> npt.NDArray[np.bool_]:
        return np.asarray((seconds >= first - lead) & (seconds < end))

    levels_kept, tones_kept = kept(features.level_seconds), kept(features.tone_seconds)
    onsets_kept = kept(features.onsets.seconds, lead=0.012)
    levels, values = features.levels[:, levels_kept], features.onsets.values[onsets_kept].copy()
    seconds = features.onsets.seconds[onsets_kept] - first
    power = db_to_power(levels).sum(axis=0)
    if first > 0 and power[:28].max() > HUSH * np.percentile(power, 95):
        # It begins with a loud onset, as all sound does that is cut into.
        begin = int(np.abs(seconds - 0.003).argmin())
        values[begin] = max(values[begin], 2 * np.percentile(values, 99))
    return BarFeatures(
        levels=levels,
        level_seconds=features.level_seconds[levels_kept] - first,
        tones=features.tones[:, tones_kept],
        bass_tones=features.bass_tones[:, tones_kept],
        tone_seconds=features.tone_seconds[tones_kept] - first,
        onsets=OnsetEnvelope(values, seconds),
        seconds=end - first,
    )


def fit(examples: list[Example]) -> Floats:
    """Weights of the greatest likelihood, with a ridge on facts in standard deviations."""
    rows = np.concatenate([example.evidence for example in examples])
    spread = rows.std(axis=0) + 1e-6
    rows /= spread
    sizes = np.array([len(example.evidence) for example in examples])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    of = np.repeat(np.arange(len(examples)), sizes)
    right = first + np.array([example.right for example in examples])
    counts = np.array([COUNTS[example.starts] for example in examples])
    pull = (rows[right] * counts[:, None]).sum(axis=0, dtype=np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = (rows @ weights.astype(np.float32)).astype(np.float64)
        highest = np.maximum.reduceat(scores, first)
        chances = np.exp(scores - highest[of])
        sums = np.add.reduceat(chances, first)
        told = counts * (np.log(sums) + highest - scores[right])
        share = (chances / sums[of] * counts[of]).astype(np.float32)
        slope = (rows.T @ share).astype(np.float64) - pull + RIDGE * weights
        return float(told.sum() + RIDGE * (weights @ weights) / 2), slope

    found = minimize(loss, np.zeros(len(FACTS)), jac=True, method="L-BFGS-B",
                     options={"maxiter": 300, "maxcor": 20})  # fmt: skip
    return np.asarray(found.x / spread)


def chances_of(example: Example, weights: Floats) -> Floats:
    scores = example.evidence @ weights
    chances = np.exp(scores - scores.max())
    return np.asarray(chances / chances.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=400)
    parser.add_argument("--first", type=int, default=210_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="make these the weights that ship")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.pieces)
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        examples = [example for found in pool.map(examples_of, seeds) for example in found]
    tell(examples, asked.write)


def tell(examples: list[Example], write: bool) -> None:
    """Print how often the model is right on pieces left out, and what became of the weights."""
    folds = [fit([e for e in examples if e.piece % FOLDS != fold]) for fold in range(FOLDS)]
    chances = [chances_of(example, folds[example.piece % FOLDS]) for example in examples]
    for starts, name in enumerate(STARTS):
        for drums in (True, False):
            chosen = [
                (example, chance)
                for example, chance in zip(examples, chances, strict=True)
                if example.starts == starts and example.drums == drums
            ]
            print(f"{name}, with{'' if drums else 'out'} drums: {_told(chosen)}")
    _print_reliability(examples, chances)
    _compare(fit(examples), write)


def _told(chosen: list[tuple[Example, Floats]]) -> str:
    right = np.array([int(chances.argmax()) == example.right for example, chances in chosen])
    sure = np.array([chances.max() for _, chances in chosen]) >= MIN_DOWNBEAT_CONFIDENCE
    return (
        f"{len(chosen)} recordings, right {right.sum()}, sure {sure.sum()}, "
        f"sure and wrong {(sure & ~right).sum()}"
    )


def _print_reliability(examples: list[Example], chances: list[Floats]) -> None:
    said = np.array([chance.max() for chance in chances])
    right = np.array([int(c.argmax()) == e.right for e, c in zip(examples, chances, strict=True)])
    edges = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 1.0)
    for low, high in pairwise(edges):
        here = (said >= low) & ((said < high) | (high == 1.0))
        if here.any():
            print(
                f"confidence {low:.2f} to {high:.2f}: {here.sum()} recordings, "
                f"{said[here].mean():.2f} on average, {right[here].mean():.2f} right"
            )


def _compare(fitted: Floats, write: bool) -> None:
    place = Path(audio.downbeat.__file__).with_name(WEIGHTS)
    if write:
        named = {fact: round(float(weight), 4) for fact, weight in zip(FACTS, fitted, strict=True)}
        place.write_text(json.dumps(named, indent=1) + "\n", "utf-8", newline="\n")
        print(f"written to {place.name}")
        return
    off = float(np.abs(fitted - audio.downbeat.weights()).max())
    print("as shipped" if off < SAME_WITHIN else f"not as shipped: one weight is {off:.3f} off")


if __name__ == "__main__":
    main()
