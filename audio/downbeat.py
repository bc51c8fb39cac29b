"""Which of the beats begins the first bar, and how sure that is.

Every quarter of a beat (third, in compound meters; sixth, where it swings) near the start is a
candidate. It is judged by the features (audio/slot_features.py) of the bar lines that would follow,
by those of the rest of these bars, and by where the music starts; a logistic model weighs them.
`python -m training.fit_downbeat` fits its weights to pieces whose bars are known.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from audio.clip import Clip
from audio.features import Features, Floats
from audio.slot_features import SLOT_FEATURES, BarFeatures, Slots, features_at, inside_of
from midi.grid import Grid

WEIGHTS = "downbeat_weights.json"
STARTS = (
    "at start",  # the first sound is within 60 ms
    "at both starts",  # and so is the recording's beginning
    "after start",  # a bar of music in front of the first bar line
    "pickup",  # a tenth of all onset strength in front of it
    "rest",  # the recording begins there, and its first sound comes later
)
PLACES = (
    "first line",
    "line",
    "anticipation",  # half a pulse in front of a line
    "last pulse",
    "other pulse",  # any but the line
    "part",  # any slot that is no pulse
)
FACTS = (*STARTS, *(f"{place}: {sound}" for place in PLACES for sound in SLOT_FEATURES))
NEAR_START_SECONDS = 0.060
NEAR_ZERO_SECONDS = 0.030
EARLIEST_SECONDS = -0.12
LATEST_SECONDS = 1.2  # or one bar after the first sound, if that is later
MAX_PICKUP = 0.2

Indices = npt.NDArray[np.int64]


def find_downbeat(
    clip: Clip, grid: Grid, features: Features, slots: Slots
) -> tuple[int, float] | None:
    """Choose the slot that begins the first bar of `grid`, and return its probability, too."""
    candidates, evidence = find_evidence(BarFeatures.of(clip, features), grid, slots)
    if not len(candidates):
        return None
    chances = softmax(evidence @ weights())
    best = int(chances.argmax())
    return int(candidates[best]), float(chances[best])


@cache
def weights() -> Floats:
    """What each of FACTS weighs, as fitted."""
    fitted = json.loads((resources.files("audio") / WEIGHTS).read_text("utf-8"))
    return np.array([fitted[fact] for fact in FACTS], dtype=np.float64)


def find_evidence(features: BarFeatures, grid: Grid, slots: Slots) -> tuple[Indices, Floats]:
    """Which slots (n,) may be the first downbeat, and each of FACTS about them, (n, facts).

    A feature of a place is its mean over the bars, in standard deviations, times the root of
    the number of bar lines.
    """
    seconds = slots.seconds
    inside = inside_of(features, seconds)
    start = features.first_sound_seconds()
    bar_seconds = float(grid.seconds_at(grid.bar_starts[1]))
    latest = max(LATEST_SECONDS, start + bar_seconds + 0.1)
    candidates = np.flatnonzero((seconds >= EARLIEST_SECONDS) & (seconds <= latest) & inside)
    if inside.sum() < 2 or not len(candidates):
        return candidates[:0], np.zeros((0, len(FACTS)))
    values = features_at(features, slots, float(grid.beats) / grid.bars)
    values, inside = np.pad(values, ((0, 0), (0, 1))), np.append(inside, False)  # one of silence
    facts = [_starts(features, seconds[candidates], start, bar_seconds)]
    places = _places(grid, slots)
    lines = _within(candidates, places["line"], len(seconds))
    many = np.sqrt(inside[lines].sum(axis=1, keepdims=True))
    for name in PLACES:
        at = _within(candidates, places[name], len(seconds))
        mean = values[:, at].sum(axis=2) / np.maximum(inside[at].sum(axis=1), 1)
        facts.append(mean.T if name == "first line" else mean.T * many)
    return candidates, np.concatenate(facts, axis=1)


def _starts(features: BarFeatures, seconds: Floats, start: float, bar_seconds: float) -> Floats:
    """Each of STARTS about slots at `seconds` (n,), (n, STARTS)."""
    onsets = features.onsets
    begun = np.concatenate([[0], np.cumsum(onsets.values)]) / max(onsets.values.sum(), 1e-9)
    late = seconds - start
    at_start = np.abs(late) < NEAR_START_SECONDS
    at_zero = np.abs(seconds) < NEAR_ZERO_SECONDS
    return np.column_stack([
        at_start,
        at_start & at_zero,
        np.maximum(0.0, late) / bar_seconds,
        10 * np.minimum(begun[np.searchsorted(onsets.seconds, seconds - 0.05)], MAX_PICKUP),
        at_zero & (late < -NEAR_START_SECONDS),
    ]).astype(np.float64)  # fmt: skip


def _places(grid: Grid, slots: Slots) -> dict[str, Indices]:
    """The slots of each of PLACES in all bars, counted from the first line."""
    lines = np.rint([float(beat) / slots.beats for beat in grid.bar_starts]).astype(int).tolist()
    found: dict[str, list[int]] = {name: [] for name in PLACES}
    for line, next_line in pairwise(lines):
        pulses = range(line, next_line, slots.per_pulse)
        found["line"].append(line)
        if slots.per_pulse % 2 == 0:
            found["anticipation"].append(line - slots.per_pulse // 2)
        found["last pulse"] += pulses[1:][-1:]
        found["other pulse"] += pulses[1:]
        found["part"] += sorted({*range(line, next_line)} - {*pulses})
    found["first line"] = found["line"][:1]
    return {name: np.array(at, dtype=np.int64) for name, at in found.items()}


def _within(candidates: Indices, places: Indices, count: int) -> Indices:
    """Slots (candidates, places); `count` for those that are none."""
    at = candidates[:, None] + places
    return np.where((at >= 0) & (at < count), at, count)
