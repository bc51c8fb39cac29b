"""Slots, where bars may begin, and features of each: how loud it is, how new, how it holds.

Slots are even parts of a pulse. All features are measured alike for every slot, so that finding bar
lines (audio/downbeat.py) is a matter of weights only.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.constant_q import tones
from audio.decibels import db_to_amplitude, db_to_power
from audio.features import Features, Floats, OnsetEnvelope, Power, pitches_over_time

# Mel bands of Features.levels: at 44.1 kHz to 0.3, 0.8, 1.5, 3 and 7 kHz, and above.
BANDS = {"lowest": (0, 3), "low": (3, 8), "middle": (8, 14), "high": (14, 21), "higher": (21, 30),
         "highest": (30, 40)}  # fmt: skip
SLOT_FEATURES = (
    *(f"loud {band}" for band in BANDS),  # the level just after the slot
    *(f"rises {band}" for band in BANDS),  # by how much over that just before it
    "harmony of a beat", "harmony of half a bar", "harmony of a bar",  # how it changes there
    "bass of a beat", "bass of half a bar", "bass of a bar",
    "holds",  # the harmony of the pulse is that of the next one
)  # fmt: skip
JUST_AFTER = (-0.005, 0.055)  # seconds from the slot
JUST_BEFORE = (-0.060, -0.012)
SOFTEST_DB = -50.0
SETTLE_SECONDS = 0.03  # the new chord counts from here on
BASS_SEMITONES = 28  # from C1, up to E3
# Likenesses, from 0 to 1, that vary by less say nothing; in music they vary by 0.06 and more.
LEAST_SPREAD = np.array(
    [[1e-9]] * 2 * len(BANDS) + [[0.05]] * (len(SLOT_FEATURES) - 2 * len(BANDS))
)
MOMENT_HOPS = 8  # of the levels, 12 ms
MARGIN_PULSES = 8  # slots go on this far beyond the pulses at both ends
SPAN_PULSES = 5  # whose pace they take there


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Times in `seconds` (n,), `per_pulse` of them a pulse, each `beats` grid beats long."""

    seconds: Floats
    per_pulse: int
    beats: float

    @classmethod
    def along(cls, pulses: Floats, step: Fraction, per_pulse: int) -> Slots:
        """Slots of pulses (SPAN_PULSES or more,) in seconds that are `step` grid beats apart."""
        first = np.median(np.diff(pulses[: SPAN_PULSES + 1]))
        last = np.median(np.diff(pulses[-SPAN_PULSES - 1 :]))
        ahead = np.arange(-MARGIN_PULSES, 0) * first + pulses[0]
        behind = np.arange(1, MARGIN_PULSES + 1) * last + pulses[-1]
        whole = np.concatenate([ahead, pulses, behind])
        counted = np.arange((len(whole) - 1) * per_pulse + 1) / per_pulse
        seconds = np.interp(counted, np.arange(len(whole)), whole)
        return cls(np.asarray(seconds), per_pulse, float(step) / per_pulse)


@dataclass(frozen=True, slots=True, eq=False)
class BarFeatures:
    """The features of a recording that bar lines are found by, and its length in seconds.

    Levels are (bands, n) in dB, the pitch classes that stand out in all and in the bass (12, m)
    each, all at steady times.
    """

    levels: Power
    level_seconds: Floats
    tones: Floats
    bass_tones: Floats
    tone_seconds: Floats
    onsets: OnsetEnvelope
    seconds: float

    @classmethod
    def of(cls, clip: Clip, features: Features) -> BarFeatures:
        """Compute the features by which the bar line is found, from a recording and its onsets."""
        pitches = pitches_over_time(clip)
        levels, seconds = pitches or (np.zeros((84, 1)), np.zeros(1))
        return cls(
            levels=features.levels,
            level_seconds=features.attacks.seconds,
            tones=tones(levels),
            bass_tones=tones(levels, 0, BASS_SEMITONES),
            tone_seconds=seconds,
            onsets=features.onsets,
            seconds=clip.seconds,
        )

    def first_sound_seconds(self) -> float:
        """When it begins to sound: the first loud onset, or the first loud moment."""
        values = self.onsets.values
        loud = np.flatnonzero(values > 0.3 * np.percentile(values, 99))
        first = float(self.onsets.seconds[loud[0]]) if len(loud) else 0.0
        moments = self.levels.shape[1] // MOMENT_HOPS
        power = np.zeros(moments * MOMENT_HOPS)
        for band in self.levels[:, : moments * MOMENT_HOPS]:
            power += db_to_power(band)
        power = power.reshape(moments, MOMENT_HOPS).mean(axis=1)
        risen = np.flatnonzero(power > 0.05 * np.percentile(power, 95))
        moment = float(self.level_seconds[MOMENT_HOPS * risen[0]]) if len(risen) else 0.0
        return min(first, moment + 0.02) if moment > 0 else first


def features_at(features: BarFeatures, slots: Slots, bar_beats: float) -> Floats:
    """All SLOT_FEATURES of n slots, (features, n); a bar is `bar_beats` on average.

    In standard deviations from the mean over the slots inside the recording; 0 outside.
    """
    seconds = slots.seconds
    slot = np.gradient(seconds)
    pulse, bar = slots.per_pulse * slot, bar_beats / slots.beats * slot
    harmony = _Sums.of(features.tones, features.tone_seconds)
    bass = _Sums.of(features.bass_tones, features.tone_seconds)
    found = [_loudness(features, seconds), _rises(features, seconds)]
    for sums in (harmony, bass):
        found.append(np.array([_change(sums, seconds, span) for span in (pulse, bar / 2, bar)]))
    here = harmony.between(seconds + SETTLE_SECONDS, seconds + pulse)
    found.append(_likeness(here, harmony.between(seconds + pulse, seconds + 2 * pulse))[None])
    values = np.concatenate(found)
    inside = inside_of(features, seconds)
    mean = values[:, inside].mean(axis=1, keepdims=True)
    spread = values[:, inside].std(axis=1, keepdims=True)
    return np.where(inside, (values - mean) / np.maximum(spread, LEAST_SPREAD), 0.0)


def inside_of(features: BarFeatures, seconds: Floats) -> npt.NDArray[np.bool_]:
    """Which moments lie inside the recording."""
    return (seconds > -0.05) & (seconds < features.seconds - 0.05)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Running sums over time (rows, n + 1) of values (rows, n) at steady `seconds` (n,)."""

    values: Floats
    first_seconds: float
    step_seconds: float

    @classmethod
    def of(cls, values: Floats | Power, seconds: Floats) -> _Sums:
        sums = np.zeros((len(values), values.shape[1] + 1))
        np.cumsum(values, axis=1, out=sums[:, 1:])
        step = float(seconds[1] - seconds[0]) if len(seconds) > 1 else 1.0
        return cls(sums, float(seconds[0]), step)

    def _index(self, seconds: Floats) -> npt.NDArray[np.int64]:
        index = np.ceil((seconds - self.first_seconds) / self.step_seconds)
        return np.clip(index, 0, self.values.shape[1] - 1).astype(np.int64)

    def between(self, first: Floats, stop: Floats) -> Floats:
        low, high = self._index(first), self._index(stop)
        return np.asarray(self.values[:, np.maximum(low, high)] - self.values[:, low])

    def mean(self, slots: Floats, around: tuple[float, float], empty: float) -> Floats:
        """Means over the seconds `around` each slot, `empty` where there is nothing."""
        first, stop = slots + around[0], slots + around[1]
        count = self._index(stop) - self._index(first)
        mean = self.between(first, stop) / np.maximum(count, 1)
        return np.where(count > 0, mean, empty)


def _loudness(features: BarFeatures, slots: Floats) -> Floats:
    softest = db_to_amplitude(SOFTEST_DB)
    loud = [db_to_amplitude(band).mean(axis=0) for band in _bands(features)]
    sums = _Sums.of(np.array(loud), features.level_seconds)
    return np.asarray(np.log(sums.mean(slots, JUST_AFTER, empty=softest) + softest / 3))


def _rises(features: BarFeatures, slots: Floats) -> Floats:
    levels = np.array([band.mean(axis=0) for band in _bands(features)])
    sums = _Sums.of(levels, features.level_seconds)
    after = sums.mean(slots, JUST_AFTER, empty=SOFTEST_DB)
    return np.maximum(0, after - sums.mean(slots, JUST_BEFORE, empty=SOFTEST_DB))


def _bands(features: BarFeatures) -> list[Power]:
    return [features.levels[first:stop] for first, stop in BANDS.values()]


def _change(sums: _Sums, slots: Floats, span: Floats) -> Floats:
    """How unlike the tones of the span after each slot are to those of the span before, 0..1."""
    before = sums.between(slots - span, slots)
    after = sums.between(slots + SETTLE_SECONDS, slots + span)
    silent = (before**2).sum(axis=0) * (after**2).sum(axis=0) < 1e-12
    return np.where(silent, 0.0, 1 - _likeness(before, after))


def _likeness(some: Floats, others: Floats) -> Floats:
    """The cosine between columns; 0 where one is silent."""
    sizes = np.sqrt((some**2).sum(axis=0) * (others**2).sum(axis=0))
    return np.where(sizes > 1e-6, (some * others).sum(axis=0) / np.maximum(sizes, 1e-9), 0.0)
