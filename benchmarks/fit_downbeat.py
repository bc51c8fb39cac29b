"""Fit the weights by which the first downbeat is chosen.

`python -m benchmarks.fit_downbeat --pieces 80 --seed 6` makes pieces of seeds that the truth test
does not use, records each along a known map with drums and without, fits the logistic model of
`audio/downbeat.py`, and prints its weights and how often it is right on pieces left out. Each
recording counts a second time, for little, as if it had been started inside the first bar: or where
music starts would be all that is looked for.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

import audio.beats
import audio.downbeat
from audio.beats import find_beats, pulse_of
from audio.clip import Clip
from audio.downbeat import WEIGHTS, find_evidence
from audio.hearing import Floats, Heard, hear
from benchmarks.truth import KINDS, TimeMap, known_map, make_truth, record
from midi.grid import Grid

WITHIN_SECONDS = 0.045  # the slot nearest to the truth is the right one if it is this near
INSIDE_WEIGHT = 0.06  # of a recording that starts inside a bar
LEAD_IN_SECONDS = 0.005  # from where such a recording starts to the pulse it starts with
RIDGE = 0.3
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Evidence (slots, weights) of one recording, which row is right, and the piece's number."""

    evidence: Floats
    right: int
    piece: int
    starts_inside: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What find_evidence was asked about."""

    clip: Clip
    grid: Grid
    heard: Heard
    slots: Floats
    slot_beats: float

    def example(self, downbeat_seconds: float, piece: int, inside: bool = False) -> Example | None:
        """None where the first downbeat was not found to be a slot."""
        found = find_evidence(self.clip, self.grid, self.heard, self.slots, self.slot_beats)
        if not found:
            return None
        off = np.abs(self.slots[list(found)] - downbeat_seconds)
        rows = np.array(list(found.values()))
        near = off.min() < WITHIN_SECONDS
        return Example(rows, int(off.argmin()), piece, inside) if near else None


def collect(pieces: int, seed: int) -> list[Example]:
    """Evidence of recordings whose first downbeat is known and was found to be a slot."""
    examples: list[Example | None] = []
    for piece in range(pieces):
        truth = make_truth(10_000 * seed + piece)
        for drums in (True, False):
            names = [name for name in truth.stems if drums or name != "drums"]
            if not names or (drums and "drums" not in truth.stems):
                continue
            kind = KINDS[piece % len(KINDS)]
            along = known_map(np.random.default_rng(piece), kind, float(truth.grid.seconds))
            sound = np.sum([truth.stems[name] for name in names], axis=0, dtype=np.float32)
            asked = _asked(record(sound, along, piece), truth.grid)
            if asked:
                examples.append(asked.example(float(along.recording[0]), piece))
                examples.append(_started_inside(asked, along, piece))
    return [example for example in examples if example]


def _asked(clip: Clip, grid: Grid) -> Asked | None:
    """What find_beats asks find_evidence about."""
    kept: list[Asked] = []

    def spy(*asked: object) -> dict[int, Floats]:
        kept.append(Asked(*asked))  # type: ignore[arg-type]
        return {}  # and find_beats ends here

    audio.downbeat.find_evidence = spy  # type: ignore[assignment]
    try:
        find_beats(clip, grid)
    finally:
        audio.downbeat.find_evidence = find_evidence
    return kept[0] if kept else None


def _started_inside(asked: Asked, along: TimeMap, piece: int) -> Example | None:
    """The same from one of the other pulses of the first bar on."""
    grid, step = asked.grid, pulse_of(asked.grid)[0]
    pulses = int(grid.bar_starts[1] / step)
    if pulses < 2:
        return None
    first = int(np.random.default_rng(piece).integers(1, pulses))
    at, downbeat = along.recorded_at(
        np.array([float(grid.seconds_at(beat)) for beat in (first * step, grid.bar_starts[1])])
    )
    at -= LEAD_IN_SECONDS
    samples = asked.clip.samples[:, int(at * asked.clip.sample_rate) :]
    clip = Clip(samples, asked.clip.sample_rate)
    heard = hear(clip)
    if heard is None:
        return None
    inside = Asked(clip, grid, heard, asked.slots - at, asked.slot_beats)
    return inside.example(float(downbeat - at), piece, inside=True)


def fit(examples: list[Example]) -> Floats:
    """Weights of the greatest likelihood, with a ridge."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = RIDGE * float(weights @ weights) / 2, RIDGE * weights
        for example in examples:
            chances = chances_of(example, weights)
            counts = INSIDE_WEIGHT if example.starts_inside else 1.0
            total -= counts * float(np.log(chances[example.right] + 1e-12))
            excess = chances @ example.evidence - example.evidence[example.right]
            slope = slope + counts * excess
        return total, slope

    return np.asarray(minimize(loss, np.zeros(len(WEIGHTS)), jac=True).x)


def chances_of(example: Example, weights: Floats) -> Floats:
    scores = example.evidence @ weights
    chances = np.exp(scores - scores.max())
    return np.asarray(chances / chances.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=80)
    parser.add_argument("--seed", type=int, default=6)
    asked = parser.parse_args()
    examples = collect(asked.pieces, asked.seed)
    folds = [fit([e for e in examples if e.piece % FOLDS != fold]) for fold in range(FOLDS)]
    for inside in (False, True):
        sure, right, sure_and_wrong = 0, 0, 0
        chosen = [example for example in examples if example.starts_inside == inside]
        for example in chosen:
            chances = chances_of(example, folds[example.piece % FOLDS])
            is_right = int(chances.argmax()) == example.right
            is_sure = chances.max() >= audio.beats.MIN_DOWNBEAT_CONFIDENCE
            right, sure = right + is_right, sure + is_sure
            sure_and_wrong += is_sure and not is_right
        start = "inside a bar" if inside else "at a bar"
        print(
            f"{len(chosen)} recordings that start {start}: right {right}, sure {sure}, "
            f"sure and wrong {sure_and_wrong}"
        )
    _compare("audio.downbeat", WEIGHTS, fit(examples))


def _compare(module: str, shipped: dict[str, float], weights: Floats) -> None:
    fitted = {name: round(float(w), 2) for name, w in zip(shipped, weights, strict=True)}
    print(f"{module}.WEIGHTS =", fitted)
    print("as shipped" if fitted == shipped else f"shipped are {shipped}")


if __name__ == "__main__":
    main()
