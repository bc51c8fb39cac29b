"""Onsets where a beat or a part of one is due, and how far each may be trusted.

A note starts on time, roughly so, early or late by some milliseconds, or it has nothing to do with
the beat (audio/note_starts.py says how likely each is). Relative to a line of beats that is a
mixture of Gaussians, whose expectation-maximisation weighs each onset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.features import Floats
from audio.note_starts import LATE_SECONDS, ON_TIME, SPREAD_SECONDS, NoteStarts

WITHIN_SECONDS = 0.050  # of a place where an onset is due
FIRST_WEIGHT = 2.0  # no beat before it helps to place the first downbeat, and it matters most
OFF_BEAT_WEIGHT = 0.35  # subdivisions may be swung: they show the tempo, not the place
PLACES = {True: (0, 4, 8), False: (0, 3, 4, 6, 8, 9)}  # twelfths of a pulse, by ternary
MIN_FOR_BIAS = 3
LEAST_CHANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """Which kinds onsets (n,) probably are, given how far they are from a line.

    Each holds the line with `weight` (1 / s²) at `lateness` seconds behind it; `density` is the
    log of the mixture's there, `on_time` the chance of each to be less than 10 ms off.
    """

    weight: Floats
    lateness: Floats
    density: Floats
    on_time: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DueOnsets:
    """Onsets that lie where one is due: each `part` of the way from pulse `index` to the next."""

    seconds: Floats
    weight: Floats
    index: npt.NDArray[np.int64]
    part: Floats
    twelfth: npt.NDArray[np.int64]
    chances: Floats

    @classmethod
    def of(cls, pulses: Floats, starts: NoteStarts, ternary: bool) -> DueOnsets:
        """Find the onsets that are due on a line of beats."""
        counted = np.arange(len(pulses) + 1) - 1.0  # onsets may lie a little before the first
        led = np.concatenate([[2 * pulses[0] - pulses[1]], pulses])
        at = np.interp(starts.seconds, led, counted, left=-1, right=-1)
        inside = np.flatnonzero(at > -1)
        at, whole = at[inside], np.floor(at[inside])
        places = np.array([*PLACES[ternary], 12]) / 12
        nearest = places[np.abs((at - whole)[:, None] - places).argmin(axis=1)]
        length = np.gradient(led)[whole.astype(np.int64) + 1]
        place = whole + nearest
        close = (np.abs(at - place) * length < WITHIN_SECONDS) & (place >= 0)
        close &= place <= len(pulses) - 1
        inside, place = inside[close], place[close]
        index = np.minimum(np.floor(place + 1e-9).astype(np.int64), len(pulses) - 2)
        twelfth = np.rint(place * 12).astype(np.int64) % 12
        weight = np.where(twelfth == 0, 1.0, OFF_BEAT_WEIGHT)
        weight = np.where(np.abs(place) < 1e-6, FIRST_WEIGHT, weight)
        likely = np.maximum(starts.chances[inside], LEAST_CHANCE)
        return cls(starts.seconds[inside], weight, index, place - index, twelfth, likely)

    @property
    def places(self) -> Floats:
        """Where each is due, counted in pulses."""
        return np.asarray(self.index + self.part)

    @property
    def on_time(self) -> Floats:
        """The chance of each to be on time, before anything is known of where it lies."""
        return np.asarray(self.chances[:, :ON_TIME].sum(axis=1))

    def misses(self, line: Floats) -> Floats:
        """How long after the moments of a line (pulses,) at which they are due, in seconds."""
        due = line[self.index] * (1 - self.part) + line[self.index + 1] * self.part
        return np.asarray(self.seconds - due)

    def believe(self, miss: Floats, wider_seconds: float) -> Belief:
        """Which kinds they are if they are `miss` seconds late; all spread `wider_seconds` more."""
        variance = np.square(SPREAD_SECONDS) + wider_seconds**2
        away = np.square(miss[:, None] - LATE_SECONDS) / variance
        logs = np.log(self.chances) - (away + np.log(2 * np.pi * variance)) / 2
        highest = logs.max(axis=1, keepdims=True)
        chances = np.exp(logs - highest)
        total = chances.sum(axis=1, keepdims=True)
        chances /= total
        pull = chances / variance
        weight = pull.sum(axis=1)
        lateness = pull @ np.asarray(LATE_SECONDS) / weight
        density, on_time = (highest + np.log(total))[:, 0], chances[:, :ON_TIME].sum(axis=1)
        return Belief(weight * self.weight, lateness, density, on_time)

    def biases(self, miss: Floats, exact: Floats) -> Floats:
        """How far those at each twelfth but the beat lie off, which swing may have done, (12,)."""
        bias = np.zeros(12)
        for each in set(self.twelfth.tolist()) - {0}:
            mine = np.flatnonzero(self.twelfth == each)
            if exact[mine].sum() >= MIN_FOR_BIAS:
                mine = mine[np.argsort(miss[mine])]
                sums = np.cumsum(exact[mine])
                bias[each] = miss[mine[int(np.searchsorted(sums, sums[-1] / 2))]]
        return bias
