"""Fit the weights by which onsets are trusted, to notes whose places are known.

`python -m benchmarks.fit_trust --pieces 80 --seed 6` makes pieces of seeds that the truth test does
not use, records each along a known map with drums and without, takes the onsets heard within 50 ms
of where a beat or a part of one truly lies, and fits the softmax of `audio/trust.py` so that how
far they lie off is the likeliest. It prints the weights that ship, and on pieces left out how many
onsets are trusted and right.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

import audio.trust
from audio.beats import pulse_of
from audio.clip import Clip
from audio.due_onsets import DueOnsets
from audio.hearing import Floats, hear
from audio.onsets import find_onsets
from audio.trust import LATE_SECONDS, SPREAD_SECONDS, chances_by, find_features
from benchmarks.truth import KINDS, TimeMap, Truth, known_map, make_truth, record

RIDGE = 1.0
FOLDS = 5
RIGHT_SECONDS = 0.010
TRUSTED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Features (n, 8) of a recording's onsets, how late each is (n,), and the piece's number."""

    features: Floats
    late_seconds: Floats
    piece: int

    @property
    def densities(self) -> Floats:
        """Of each to be as late as it is, (n, 4), if it is of each kind; up to a constant."""
        away = (self.late_seconds[:, None] - LATE_SECONDS) / SPREAD_SECONDS
        return np.asarray(np.exp(-(away**2) / 2) / SPREAD_SECONDS)


def collect(pieces: int, seed: int) -> list[Moments]:
    """Onsets of one recording of each piece with drums and of one without."""
    moments = []
    for piece in range(pieces):
        truth = make_truth(10_000 * seed + piece)
        kind = KINDS[piece % len(KINDS)]
        along = known_map(np.random.default_rng(piece), kind, float(truth.grid.seconds))
        for drums in (True, False):
            names = [name for name in truth.stems if drums or name != "drums"]
            if not names or (drums and "drums" not in truth.stems):
                continue
            sound = np.sum([truth.stems[name] for name in names], axis=0, dtype=np.float32)
            found = moments_of(record(np.asarray(sound), along, piece), truth, along, piece)
            if found is not None:
                moments.append(found)
    return moments


def moments_of(clip: Clip, truth: Truth, along: TimeMap, piece: int) -> Moments | None:
    """The onsets of a recording where one is due by its true beats; None for silence."""
    heard = hear(clip)
    if heard is None:
        return None
    onsets = find_onsets(heard.onsets, heard.attacks)
    step, parts = pulse_of(truth.grid)
    count = int(truth.grid.beats / step) + 1
    pulses = along.recorded_at(
        np.array([float(truth.grid.seconds_at(n * step)) for n in range(count)])
    )
    # What DueOnsets keeps as chances goes with each onset: here, which one it is.
    numbers = np.arange(1.0, len(onsets.seconds) + 1)[:, None]
    due = DueOnsets.of(pulses, onsets, numbers, parts == 3)
    kept = due.chances[:, 0].astype(np.int64) - 1
    return Moments(find_features(onsets, heard)[kept], due.misses(pulses), piece)


def fit_trust(moments: list[Moments]) -> Floats:
    """Weights (8, 3) of the greatest likelihood, with a ridge, against the last kind's."""
    features = np.concatenate([each.features for each in moments])
    densities = np.concatenate([each.densities for each in moments])
    shape = (features.shape[1], densities.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        chances = chances_by(features, weights[:, :-1] - weights[:, -1:])
        both = chances * densities
        total = both.sum(axis=1, keepdims=True)
        slope = features.T @ (chances - both / total) + RIDGE * weights
        return float(RIDGE * flat @ flat / 2 - np.log(total).sum()), slope.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, options={"maxiter": 1000}).x
    weights = found.reshape(shape)
    return np.asarray(weights[:, :-1] - weights[:, -1:])


def judge_trust(moments: list[Moments]) -> None:
    """Print how many onsets of pieces left out are trusted, and how many of these are right."""
    trusted = right = 0
    for fold in range(FOLDS):
        weights = fit_trust([m for m in moments if m.piece % FOLDS != fold])
        for each in (m for m in moments if m.piece % FOLDS == fold):
            believed = chances_by(each.features, weights)[:, :2].sum(axis=1) > TRUSTED
            trusted += believed.sum()
            right += (np.abs(each.late_seconds[believed]) < RIGHT_SECONDS).sum()
    count = sum(len(each.late_seconds) for each in moments)
    print(
        f"{count} onsets where one is due: {trusted} trusted, {right} of them within "
        f"{1000 * RIGHT_SECONDS:g} ms of it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=80)
    parser.add_argument("--seed", type=int, default=6)
    asked = parser.parse_args()
    moments = collect(asked.pieces, asked.seed)
    judge_trust(moments)
    fitted = {
        name: tuple(round(float(weight), 2) for weight in weights)
        for name, weights in zip(audio.trust.WEIGHTS, fit_trust(moments), strict=True)
    }
    print("audio.trust.WEIGHTS =", fitted)
    print("as shipped" if fitted == audio.trust.WEIGHTS else f"shipped are {audio.trust.WEIGHTS}")


if __name__ == "__main__":
    main()
