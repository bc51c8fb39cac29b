"""Which of the beats begins the first bar, and how sure that is.

Every quarter of a beat (third, in compound meters; sixth, where it swings) near the start is a
candidate. It is judged by the features (audio/slot_features.py) of the bar lines that would follow,
by those of the rest of these bars, and by where the music starts; a logistic model weighs them.
`python -m training.fit_downbeat` fits its weights to pieces whose bars are known. On recordings of
people, which no weight was fitted to, it claims too much, and where music starts says less: its
odds are tempered, and every four bars are looked at by themselves (audio/bar_windows.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from audio.bar_windows import Looks, look_at_windows
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

# How far the odds that each sort of facts gives are believed, and those of a look that agrees.
# Set by hand near the likeliest on 52 cases of benchmarks/recordings.py and 90 of the composer's.
START_TRUST, FIRST_LINE_TRUST, BARS_TRUST, LOOKS_TRUST = 0.7, 0.5, 0.7, 1.0
LEAST_LOOKS = 4  # fewer cannot outvote a bar line
OUTVOTED_BY, OUTVOTED_BY_SHARE = 2, 0.25  # looks, at least, and of all looks

SURELY_FIRST = 0.75  # of the chance of bar lines whole bars apart: this one is the first

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Downbeat:
    """The slot that begins the first bar and its probability.

    Of `looks` at four bars each, `agree` have their bar lines there and `rival` elsewhere, all at
    the same other place.
    """

    slot: int
    confidence: float
    agree: int = 0
    rival: int = 0
    looks: int = 0

    @property
    def is_outvoted(self) -> bool:
        """True where clearly more looks have another bar line."""
        ahead = max(OUTVOTED_BY, OUTVOTED_BY_SHARE * self.looks)
        return self.looks >= LEAST_LOOKS and self.rival - self.agree >= ahead


def find_downbeat(clip: Clip, grid: Grid, features: Features, slots: Slots) -> Downbeat | None:
    """Choose the slot that begins the first bar of `grid`; None where nothing could."""
    bar_features = BarFeatures.of(clip, features)
    candidates, evidence = find_evidence(bar_features, grid, slots)
    if not len(candidates):
        return None
    starts, first = len(STARTS), len(STARTS) + len(SLOT_FEATURES)
    trust = np.full(len(FACTS), BARS_TRUST)
    trust[:starts], trust[starts:first] = START_TRUST, FIRST_LINE_TRUST
    looks = look_at_bars(bar_features, grid, slots)
    votes = looks.at(candidates)
    odds = evidence @ (trust * weights())
    if looks.count > 1:  # one look sees what the model sees
        odds += LOOKS_TRUST * np.log((votes + 0.5) / (looks.count + 1))
    chances = softmax(odds)
    best, confidence = _choose(chances, candidates, len(looks.votes))
    others = np.delete(looks.votes, int(candidates[best]) % len(looks.votes))
    return Downbeat(
        int(candidates[best]), confidence, int(votes[best]), int(others.max(initial=0)),
        looks.count,
    )  # fmt: skip


def _choose(chances: Floats, candidates: Indices, bar: int) -> tuple[int, float]:
    """The index of the candidate chosen, and how likely bars begin there.

    Bar lines that are whole bars of `bar` slots apart (1 where bars differ) stand together, as long
    as it is clear which of them is the first.
    """
    best = int(chances.argmax())
    if bar < 2:
        return best, float(chances[best])
    phases = candidates % bar
    sums = np.bincount(phases, weights=chances, minlength=bar)
    phase = int(sums.argmax())
    alike = np.flatnonzero(phases == phase)
    best = int(alike[chances[alike].argmax()])
    is_first = chances[best] > SURELY_FIRST * sums[phase]
    return best, float(sums[phase] if is_first else chances[best])


def look_at_bars(features: BarFeatures, grid: Grid, slots: Slots) -> Looks:
    """Look for the bar line in every four bars; none are looked at where bars differ."""
    inside = inside_of(features, slots.seconds)
    places = _places_in_bar(grid, slots)
    if not places or not inside.any():
        return Looks(np.zeros(1, np.int64), 0)
    values = features_at(features, slots, float(grid.beats) / grid.bars)
    fitted = weights()[len(STARTS) :].reshape(len(PLACES), len(SLOT_FEATURES))
    worth = {name: fitted[PLACES.index(name)] @ values for name in places}
    return look_at_windows(worth, inside, places)


def _places_in_bar(grid: Grid, slots: Slots) -> Mapping[str, list[int]]:
    """The slots of each of PLACES in one bar, from its line; empty where not all bars are alike."""
    lengths = {float(end - start) / slots.beats for start, end in pairwise(grid.bar_starts)}
    bar = round(lengths.pop())
    if lengths or bar < 2:
        return {}
    pulses = list(range(0, bar, slots.per_pulse))
    places = {
        "line": [0],
        "last pulse": pulses[1:][-1:],
        "other pulse": pulses[1:],
        "part": sorted({*range(bar)} - {*pulses}),
    }
    if slots.per_pulse % 2 == 0:
        places["anticipation"] = [-(slots.per_pulse // 2)]
    return places


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
