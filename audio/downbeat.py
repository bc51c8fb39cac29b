"""Which of the beats begins the first bar, and how sure that is.

Every quarter of a beat (third, in compound meters) near the start is a candidate. It is judged by
what tends to happen on bar lines (the harmony changes, kick and bass come in) and by where the
music starts; a logistic model weighs these. `python -m benchmarks.fit_downbeat` fits its
weights to pieces whose bars are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.constant_q import tones
from audio.hearing import Floats, Heard, OnsetEnvelope, pitches_over_time
from midi.grid import Grid

WEIGHTS = {
    "harmony": 2.24,  # mean change of harmony on the bar lines, in standard deviations, times the
    "bass": 0.34,  # root of the number of bars; onsets under 180 Hz there, likewise
    "at_start": 3.18,  # the first sound is within 60 ms
    "after_start": -1.6,  # a bar of music in front of the first bar line
    "pickup": -1.18,  # a tenth of all onset strength in front of it
    "rest": 1.28,  # the recording begins there, and its first sound comes later
}
NEAR_START_SECONDS = 0.060
NEAR_ZERO_SECONDS = 0.030
EARLIEST_SECONDS = -0.12
LATEST_SECONDS = 1.2  # or one bar after the first sound, if that is later
AROUND_SECONDS = 0.035  # where an onset counts for a slot
SETTLE_SECONDS = 0.03  # the new chord is heard from here on
MAX_PICKUP = 0.2


@dataclass(frozen=True, slots=True)
class Downbeat:
    """The slot of the first downbeat, and the probability the model gives it."""

    slot: int
    confidence: float


def find_downbeat(
    clip: Clip, grid: Grid, heard: Heard, slots: Floats, slot_beats: float
) -> Downbeat | None:
    """Choose among `slots` (n,) in seconds, `slot_beats` grid beats apart; None if none can be."""
    evidence = find_evidence(clip, grid, heard, slots, slot_beats)
    if not evidence:
        return None
    weights = np.array(list(WEIGHTS.values()))
    scores = np.array([values @ weights for values in evidence.values()])
    chances = np.exp(scores - scores.max())
    best = int(chances.argmax())
    return Downbeat(list(evidence)[best], float(chances[best] / chances.sum()))


def find_evidence(
    clip: Clip, grid: Grid, heard: Heard, slots: Floats, slot_beats: float
) -> dict[int, Floats]:
    """What speaks for each slot that may be the first downbeat, in the order of WEIGHTS."""
    inside = (slots > -0.05) & (slots < clip.seconds - 0.05)
    onsets, bass = heard.onsets, heard.bass
    start = _first_sound(clip, onsets)
    bar_seconds = float(grid.seconds_at(grid.bar_starts[1]))
    latest = max(LATEST_SECONDS, start + bar_seconds + 0.1)
    if inside.sum() < 2:
        return {}
    low = _standard(_strongest_near(bass, slots), inside)
    bar_slots = float(grid.beats) / grid.bars / slot_beats
    harmony = _standard(_harmony_changes(clip, slots, bar_slots), inside)
    bars = np.rint([float(beat) / slot_beats for beat in grid.bar_starts[:-1]]).astype(np.int64)
    begun = np.concatenate([[0], np.cumsum(onsets.values)]) / max(onsets.values.sum(), 1e-9)
    evidence = {}
    for slot in np.flatnonzero((slots >= EARLIEST_SECONDS) & (slots <= latest)).tolist():
        lines = slot + bars
        lines = lines[lines < len(slots)]
        lines = lines[inside[lines]]
        if not len(lines):
            continue
        late = slots[slot] - start
        pickup = begun[int(np.searchsorted(onsets.seconds, slots[slot] - 0.05))]
        evidence[slot] = np.array([
            harmony[lines].mean() * np.sqrt(len(lines)),
            low[lines].mean() * np.sqrt(len(lines)),
            float(abs(late) < NEAR_START_SECONDS),
            max(0.0, late) / bar_seconds,
            10 * min(pickup, MAX_PICKUP),
            float(abs(slots[slot]) < NEAR_ZERO_SECONDS and late < -NEAR_START_SECONDS),
        ])  # fmt: skip
    return evidence


def _first_sound(clip: Clip, onsets: OnsetEnvelope) -> float:
    """When it begins to sound, in seconds: the first loud onset, or the first loud moment."""
    loud = np.flatnonzero(onsets.values > 0.3 * np.percentile(onsets.values, 99))
    first = float(onsets.seconds[loud[0]]) if len(loud) else 0.0
    hop = max(1, round(0.0116 * clip.sample_rate))
    mono = clip.samples.mean(axis=0, dtype=np.float64)
    power = np.add.reduceat(mono**2, np.arange(0, len(mono), hop))
    risen = np.flatnonzero(power > 0.05 * np.percentile(power, 95))
    moment = float(risen[0] * hop / clip.sample_rate) if len(risen) else 0.0
    return min(first, moment + 0.02) if moment > 0 else first


def _strongest_near(envelope: OnsetEnvelope, slots: Floats) -> Floats:
    first = np.searchsorted(envelope.seconds, slots - AROUND_SECONDS)
    stop = np.searchsorted(envelope.seconds, slots + AROUND_SECONDS)
    pairs = zip(first, stop, strict=True)
    return np.array([envelope.values[a:b].max() if b > a else 0.0 for a, b in pairs])


def _harmony_changes(clip: Clip, slots: Floats, bar_slots: float) -> Floats:
    """How unlike the tones of the bar after each slot are to those of the bar before, 0..1.

    Over less than a bar the chords that comping leaves out, and the passing ones, mislead.
    """
    heard = pitches_over_time(clip)
    if heard is None:
        return np.zeros(len(slots))
    levels, seconds = heard
    bar = np.gradient(slots) * bar_slots
    sums = np.concatenate([np.zeros((12, 1)), np.cumsum(tones(levels), axis=1)], axis=1)

    def total(first: Floats, stop: Floats) -> Floats:
        low, high = np.searchsorted(seconds, first), np.searchsorted(seconds, stop)
        return np.asarray(sums[:, np.maximum(high, low)] - sums[:, low])

    before, after = total(slots - bar, slots), total(slots + SETTLE_SECONDS, slots + bar)
    sizes = np.sqrt((before**2).sum(axis=0) * (after**2).sum(axis=0))
    change = 1 - (before * after).sum(axis=0) / np.maximum(sizes, 1e-9)
    return np.where(sizes > 1e-6, change, 0.0)


def _standard(values: Floats, inside: npt.NDArray[np.bool_]) -> Floats:
    """In standard deviations from the mean of those inside the recording; 0 outside."""
    spread = values[inside].std()
    return np.where(inside, (values - values[inside].mean()) / max(spread, 1e-9), 0.0)
