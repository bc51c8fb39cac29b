"""How good a draft is: a few figures of its tune and chords against what people's songs have."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from diffusion.planner.material import Event, Material
from diffusion.planner.vocabulary import UNITS
from diffusion.planner.wishes import Wishes

WANTED_REPEATS = 0.5  # of people's tunes: F1 of a bar with the best earlier one
WANTED_PHRASE = 8  # notes
WIDE_SEMITONES = 7


def score_of(done: Material, wishes: Wishes) -> float:
    """Higher is better; 0 is as good as it gets."""
    score = 0.0
    if wishes.has_tune and not wishes.tune_given:
        notes = [
            (done.starts[at] + start, length, pitch)
            for at, bar in enumerate(done.bars)
            for start, length, pitch in bar.notes or ()
        ]
        score -= 6 * leaps(notes)
        score -= 0.15 * max(0, WANTED_PHRASE - phrase_notes(notes))
        score -= 2 * max(0.0, WANTED_REPEATS - repeats(done))
        score -= 3 * max(0.0, repeats(done) - 0.85)
    if not wishes.chords_given:
        score -= 0.5 * (len({c.index for bar in done.bars for c in bar.chords or ()}) < 3)
    return score


def leaps(notes: list[Event]) -> float:
    """The share of steps that are wider than a fifth."""
    steps = [abs(b[2] - a[2]) > WIDE_SEMITONES for a, b in pairwise(notes)]
    return sum(steps) / len(steps) if steps else 0.0


def phrase_notes(notes: list[Event]) -> float:
    """The median number of notes between rests of half a beat or more; 0 without notes."""
    counts = [1] if notes else []
    for before, after in pairwise(notes):
        if after[0] - before[0] - before[1] >= UNITS // 2:
            counts.append(1)
        else:
            counts[-1] += 1
    return float(median(counts)) if counts else 0.0


def repeats(done: Material) -> float:
    """How far bars of the tune are earlier ones: the mean F1 with the best of them."""
    bars = [{(start // 3, pitch) for start, _, pitch in bar.notes or ()} for bar in done.bars]
    found = [
        max(2 * len(bar & old) / (len(bar) + len(old)) if bar | old else 0.0
            for old in bars[max(0, at - 32) : at])
        for at, bar in enumerate(bars)
        if at and bar
    ]  # fmt: skip
    return sum(found) / len(found) if found else 0.0
