"""Fit the weights by which the first downbeat is chosen and onsets are trusted.

`python -m benchmarks.fit_downbeat --pieces 80 --seed 6` makes pieces of seeds that the truth test
does not use, records each along a known map with drums and without, fits the logistic models of
`audio/downbeat.py` and `audio/trust.py`, and prints their weights and how often they are right on
pieces left out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

import audio.beats
import audio.downbeat
import audio.trust
from audio.beats import find_beats
from audio.clip import Clip
from audio.downbeat import WEIGHTS
from audio.hearing import Floats, Heard, hear
from audio.onsets import find_onsets
from audio.trust import EXACT_SECONDS, find_features
from benchmarks.truth import KINDS, known_map, make_truth, record
from midi.grid import Grid

WITHIN_SECONDS = 0.045  # the slot nearest to the truth is the right one if it is this near
RIDGE = 0.3
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Evidence (slots, weights) of one recording, which row is right, and the piece's number."""

    evidence: Floats
    right: int
    piece: int


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Features (onsets, weights) of a recording's onsets, which are exact, the piece's number."""

    features: Floats
    exact: npt.NDArray[np.bool_]
    piece: int


def collect(pieces: int, seed: int) -> tuple[list[Example], list[Moments]]:
    """Evidence of recordings whose first downbeat is known and was found to be a slot; onsets."""
    kept: dict[str, object] = {}
    original = audio.downbeat.find_evidence

    def spy(
        clip: Clip, grid: Grid, heard: Heard, slots: Floats, slot_beats: float
    ) -> dict[int, Floats]:
        evidence = original(clip, grid, heard, slots, slot_beats)
        kept["slots"], kept["evidence"] = slots, evidence
        return evidence

    audio.downbeat.find_evidence = spy
    examples, moments = [], []
    for piece in range(pieces):
        truth = make_truth(10_000 * seed + piece)
        for drums in (True, False):
            names = [name for name in truth.stems if drums or name != "drums"]
            if not names or (drums and "drums" not in truth.stems):
                continue
            kind = KINDS[piece % len(KINDS)]
            along = known_map(np.random.default_rng(piece), kind, float(truth.grid.seconds))
            sound = np.sum([truth.stems[name] for name in names], axis=0, dtype=np.float32)
            kept.clear()
            clip = record(sound, along, piece)
            heard = hear(clip)
            if heard is None:
                continue
            moments.append(_moments(heard, along.recorded_at(truth.starts_of(names)), piece))
            find_beats(clip, truth.grid, heard)
            evidence, slots = kept.get("evidence"), kept.get("slots")
            if not isinstance(evidence, dict) or not evidence or not isinstance(slots, np.ndarray):
                continue
            off = np.abs(slots[list(evidence)] - along.recording[0])
            if off.min() < WITHIN_SECONDS:
                rows = np.array(list(evidence.values()))
                examples.append(Example(rows, int(off.argmin()), piece))
    audio.downbeat.find_evidence = original
    return examples, moments


def _moments(heard: Heard, starts: Floats, piece: int) -> Moments:
    onsets = find_onsets(heard.onsets, heard.attacks)
    off = np.abs(onsets.seconds[:, None] - starts).min(axis=1)
    return Moments(find_features(onsets, heard), off < EXACT_SECONDS, piece)


def fit_trust(moments: list[Moments]) -> Floats:
    """Weights of the greatest likelihood, with a ridge."""
    features = np.concatenate([each.features for each in moments])
    exact = np.concatenate([each.exact for each in moments])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = features @ weights
        total = float(np.logaddexp(0, scores).sum() - scores[exact].sum())
        slope = features.T @ (1 / (1 + np.exp(-scores)) - exact)
        return total + RIDGE * float(weights @ weights) / 2, slope + RIDGE * weights

    return np.asarray(minimize(loss, np.zeros(features.shape[1]), jac=True).x)


def judge_trust(moments: list[Moments]) -> None:
    """Print how many of the trusted onsets of pieces left out are exact, and trusted of exact."""
    trusted = right = exact = 0
    for fold in range(FOLDS):
        weights = fit_trust([m for m in moments if m.piece % FOLDS != fold])
        for each in (m for m in moments if m.piece % FOLDS == fold):
            believed = each.features @ weights > 0
            trusted, exact = trusted + believed.sum(), exact + each.exact.sum()
            right += (believed & each.exact).sum()
    count = sum(len(each.exact) for each in moments)
    print(
        f"{count} onsets, {exact} exact within {1000 * EXACT_SECONDS:g} ms: "
        f"{trusted} trusted, {right} of them exact"
    )


def fit(examples: list[Example]) -> Floats:
    """Weights of the greatest likelihood, with a ridge."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = RIDGE * float(weights @ weights) / 2, RIDGE * weights
        for example in examples:
            chances = chances_of(example, weights)
            total -= float(np.log(chances[example.right] + 1e-12))
            slope = slope - example.evidence[example.right] + chances @ example.evidence
        return total, slope

    return np.asarray(minimize(loss, np.zeros(len(WEIGHTS)), jac=True).x)


def chances_of(example: Example, weights: Floats) -> Floats:
    scores = example.evidence @ weights
    chances = np.exp(scores - scores.max())
    return np.asarray(chances / chances.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--seed", type=int, default=6)
    asked = parser.parse_args()
    examples, moments = collect(asked.pieces, asked.seed)
    sure, right, sure_and_wrong = 0, 0, 0
    for fold in range(FOLDS):
        weights = fit([e for e in examples if e.piece % FOLDS != fold])
        for example in (e for e in examples if e.piece % FOLDS == fold):
            chances = chances_of(example, weights)
            is_right = int(chances.argmax()) == example.right
            is_sure = chances.max() >= audio.beats.MIN_DOWNBEAT_CONFIDENCE
            right, sure = right + is_right, sure + is_sure
            sure_and_wrong += is_sure and not is_right
    print(
        f"{len(examples)} recordings: right {right}, sure {sure}, sure and wrong {sure_and_wrong}"
    )
    _compare("audio.downbeat", WEIGHTS, fit(examples))
    judge_trust(moments)
    _compare("audio.trust", audio.trust.WEIGHTS, fit_trust(moments))


def _compare(module: str, shipped: dict[str, float], weights: Floats) -> None:
    fitted = {name: round(float(w), 2) for name, w in zip(shipped, weights, strict=True)}
    print(f"{module}.WEIGHTS =", fitted)
    print("as shipped" if fitted == shipped else f"shipped are {shipped}")


if __name__ == "__main__":
    main()
