"""Fit the weights by which keys are told apart.

`python -m training.fit_key --pieces 800 --seed 90` composes pieces of seeds that no other
benchmark uses, draws what a constant-Q analysis would show of their notes (each with some
harmonics, each part at its own level and colour), fits the logistic model of `audio/tonality.py` to
their keys and prints its weights, and how often it is right on pieces left out. No sound is made,
so it is fitted to no instrument.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from random import Random

import numpy as np
from scipy.optimize import minimize

from audio.constant_q import HOP_FRAMES, OCTAVES
from audio.decibels import db_to_amplitude
from audio.features import Floats
from audio.tonality import PROFILES, WEIGHTS, find_evidence
from diffusion.embedded.performance import PART_STEM
from midi.key import Key
from training.compose.arrange import compose
from training.compose.piece import Piece
from training.truth import RATE, SECONDS, STEMS

HARMONICS = 6
LEVEL_SPREAD = 0.4  # standard deviation of a part's level, in nepers
COLOURS = (0.25, 0.75)  # by which each harmonic is softer than the one below
DECAYS = (0.0, 0.5, 1.5)  # nepers a second
LOWEST_PITCH = 24  # C1
PRIOR = 0.5  # of the published profiles, in standard deviations, which the ridge pulls to
RIDGE = 30.0
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Evidence (2, 12) of a piece, and its key."""

    evidence: Floats
    key: Key


def collect(pieces: int, seed: int) -> list[Example]:
    """Evidence of composed pieces, as long as those of training.truth."""
    found = []
    for number in range(10_000 * seed, 10_000 * seed + pieces):
        piece = compose(number)
        levels, seconds = draw(piece, Random(number))
        if levels.any():
            key = Key(piece.tonic, piece.mode)
            found.append(Example(find_evidence(levels, seconds)[0], key))
    return found


def draw(piece: Piece, rng: Random) -> tuple[Floats, Floats]:
    """Levels (84, n) of the semitones from C1 upwards, and seconds (n,), of a piece's pitches."""
    a_beat = 60 / piece.bpm
    end = min(SECONDS, piece.performance.beats * a_beat)
    seconds = np.arange(int(end * RATE / HOP_FRAMES) + 1) * HOP_FRAMES / RATE
    levels = np.zeros((12 * OCTAVES, len(seconds)))
    for name, part in piece.performance.parts.items():
        if name == "drums" or PART_STEM[name] not in STEMS:
            continue
        gain = db_to_amplitude(part.gain_db) * np.exp(rng.gauss(0, LEVEL_SPREAD))
        colour, decay = rng.uniform(*COLOURS), rng.choice(DECAYS)
        for note in part.notes:
            start = max(0.0, note.start_beats * a_beat)
            first = int(np.searchsorted(seconds, start))
            stop = int(np.searchsorted(seconds, start + note.length_beats * a_beat))
            span = slice(first, max(stop, first + 1))
            sounding = gain * note.velocity * np.exp(-decay * (seconds[span] - start))
            for harmonic in range(1, HARMONICS + 1):
                row = note.pitch - LOWEST_PITCH + round(12 * np.log2(harmonic))
                if 0 <= row < len(levels):
                    levels[row, span] += sounding * colour ** (harmonic - 1)
    return levels, seconds


def fit(examples: list[Example]) -> Floats:
    """Weights (2 modes, 2, 12) of the greatest likelihood, with a ridge."""
    profiles = np.array([[PROFILES[mode]] * 2 for mode in WEIGHTS])
    profiles -= profiles.mean(axis=2, keepdims=True)
    prior = (PRIOR * profiles / profiles.std(axis=2, keepdims=True)).ravel()
    # Evidence as each tonic would have it: (examples, tonics, 24).
    turned = np.array([
        [np.roll(example.evidence, -tonic, axis=1).ravel() for tonic in range(12)]
        for example in examples
    ])  # fmt: skip
    right = np.array([12 * example.key.is_minorish + example.key.tonic for example in examples])
    rows = np.arange(len(examples))

    def loss(weights: Floats) -> tuple[float, Floats]:
        by_mode = weights.reshape(2, -1)
        scores = np.concatenate([turned @ each for each in by_mode], axis=1)
        highest = scores.max(axis=1, keepdims=True)
        chances = np.exp(scores - highest)
        sums = chances.sum(axis=1, keepdims=True)
        total = float((np.log(sums) + highest)[:, 0].sum() - scores[rows, right].sum())
        excess = chances / sums
        excess[rows, right] -= 1
        slope = np.concatenate([
            np.einsum("nt,ntf->f", half, turned) for half in (excess[:, :12], excess[:, 12:])
        ])  # fmt: skip
        off = weights - prior
        return total + RIDGE * float(off @ off) / 2, slope + RIDGE * off

    return np.asarray(minimize(loss, prior, jac=True, method="L-BFGS-B").x).reshape(2, 2, 12)


def named(weights: Floats, evidence: Floats) -> tuple[int, bool]:
    """The likeliest tonic, and whether its third is minor."""
    scores = [
        float((np.roll(weights[minor], tonic, axis=1) * evidence).sum())
        for minor in (0, 1)
        for tonic in range(12)
    ]
    best = int(np.argmax(scores))
    return best % 12, best >= 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=800)
    parser.add_argument("--seed", type=int, default=90)
    asked = parser.parse_args()
    examples = collect(asked.pieces, asked.seed)
    right = 0
    for fold in range(FOLDS):
        weights = fit([each for n, each in enumerate(examples) if n % FOLDS != fold])
        right += sum(
            named(weights, each.evidence) == (each.key.tonic, each.key.is_minorish)
            for each in examples[fold::FOLDS]
        )
    print(f"{len(examples)} pieces: right {right} where left out")
    fitted = {
        mode: tuple(tuple(round(float(value), 2) for value in row) for row in weights)
        for mode, weights in zip(WEIGHTS, fit(examples), strict=True)
    }
    for mode, rows in fitted.items():
        print(f"{mode}:", *rows, sep="\n    ")
    print("as shipped" if fitted == WEIGHTS else "other weights are shipped")


if __name__ == "__main__":
    main()
