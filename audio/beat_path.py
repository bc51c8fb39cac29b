"""The way of the beats through a recording: dynamic programming over place and tempo.

Each beat is where sounds begin, and so do its subdivisions; from one beat to the next the
tempo may change, at a price (after D. Ellis, "Beat Tracking by Dynamic Programming", JNMR 36,
2007, with the tempo as a second state). Places are measured in beats of the expected grid, so the
expected tempo is a rate of 1 under any tempo map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from audio.features import Floats, OnsetEnvelope
from audio.onsets import relative_strength
from audio.pulse import pulse_of, to_beats
from midi.grid import Grid

STEP_SECONDS = 0.006
BLUR_STEPS = 1.5  # onsets of one beat scatter by some milliseconds
CEILING = 1.3  # no onset counts for more than that many loud ones
MEAN_OVER_SECONDS = 3.0
RATE_STEP = 0.005  # relative; the fit to the onsets makes the tempo exact later
REACH = 0.085  # log of the fastest and of the slowest rate against the expected
# Logs of rates where another tempo would be found instead, and how much its score counts: at 3:4
# or 3:2 other notes of the same music may well make a better pulse.
OTHER_RATES = ((-0.45, -0.26, 0.78), (-0.26, -0.10, 1.0), (0.10, 0.26, 1.0), (0.26, 0.45, 0.78))
CHANGE_COST, MOST_CHANGE_COST = 1.0, 4.0  # of 1 % from beat to beat, squared; and of any jump
# How far in front of a beat its subdivisions lie, in beats, and what sounds there count.
SUBDIVISIONS = {
    "straight": ((1 / 2, 1 / 4, 3 / 4), (0.5, 0.2, 0.2)),
    "swung": ((1 / 3, 2 / 3), (0.5, 0.1)),
    "ternary": ((1 / 3, 2 / 3), (0.4, 0.4)),
}
LEAD_PULSES = 2.2  # the first beat lies in the first so many
NOWHERE = -1e9

Totals = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class BeatPath:
    """Seconds (n,) of all pulses in order, and how well sounds begin on them.

    `score` is the mean over the pulses: near 1 for a drum kit, under 0.3 for onsets that only
    happen to be there. `rival` is the best score at tempos from two thirds of the expected to one
    and a half times it, but for those within 10 %; those over 23 % off count for less. `beside` is
    how much begins a quarter of a pulse before or after, over what begins on the pulses; 0 where
    pulses fall into three.
    """

    seconds: Floats
    score: float
    rival: float
    beside: float
    swung: bool = False


def find_path(envelope: OnsetEnvelope, grid: Grid) -> BeatPath | None:
    """Lay pulses of a grid through an onset envelope; None for recordings under four pulses."""
    pulse_beats, parts = pulse_of(grid)
    places = to_beats(envelope.seconds, grid)
    step = STEP_SECONDS * grid.bpm / 60
    even = np.arange(places[0], places[-1], step)
    if len(even) * step < 4 * float(pulse_beats):
        return None
    strength = gaussian_filter1d(np.interp(even, places, relative_strength(envelope)), BLUR_STEPS)
    strength = np.minimum(strength, CEILING)
    strength -= uniform_filter1d(strength, int(MEAN_OVER_SECONDS / STEP_SECONDS))
    ways = []
    for name in ("ternary",) if parts == 3 else ("straight", "swung"):
        search = _Search(strength, float(pulse_beats) / step, *SUBDIVISIONS[name])
        ways.append((*search.best(-REACH, REACH), search, name))
    score, found, search, name = max(ways, key=lambda way: way[0])
    rival = max(counts * search.best(low, high)[0] for low, high, counts in OTHER_RATES)
    beside = 0.0 if parts == 3 else _beside(strength, found)
    seconds = np.array([float(grid.seconds_at(place)) for place in even[0] + found * step])
    return BeatPath(seconds, score, rival, beside, name == "swung")


def _beside(strength: Floats, found: Floats) -> float:
    """The larger mean strength a quarter of a pulse beside the steps found, over theirs."""
    quarters = np.diff(found) / 4
    steps = np.arange(len(strength))
    on, before, after = (
        float(np.interp(found[1:] + way * quarters, steps, strength).mean()) for way in (0, -1, 1)
    )
    return max(before, after, 0.0) / max(on, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    strength: Floats  # (n,) of what begins at each step, 0 on average
    pulse_steps: float
    parts: tuple[float, ...]  # of a pulse, where its subdivisions lie
    weights: tuple[float, ...]

    def best(self, lowest: float, highest: float) -> tuple[float, Floats]:
        """The best path at log rates in a range: mean score a pulse, and its steps in order."""
        rates = np.arange(lowest, highest + RATE_STEP / 2, RATE_STEP)
        lags = self.pulse_steps * np.exp(-rates)
        gain = self._gains(lags)
        changes = (rates[:, None] - rates[None, :]) / 0.01
        cost = np.minimum(CHANGE_COST * changes**2, MOST_CHANGE_COST).astype(np.float32)
        totals = _Totals.before(lags, gain.shape[1], LEAD_PULSES * self.pulse_steps)
        block = int(lags.min()) - 1  # within so many steps no beat depends on another
        for first in range(0, gain.shape[1], block):
            here = np.arange(first, min(gain.shape[1], first + block))
            totals.at(here)[:] = totals.arrivals(here, cost) + gain[:, here]
        return totals.walk_back(cost)

    def _gains(self, lags: Floats) -> Totals:
        """What a beat at each step wins (rates, n), with the subdivisions in front of it."""
        gains = np.tile(self.strength, (len(lags), 1))
        reach = int(max(self.parts) * lags.max()) + 1
        padded = np.concatenate([np.zeros(reach), self.strength])
        for gain, lag in zip(gains, lags, strict=True):
            for part, weight in zip(self.parts, self.weights, strict=True):
                whole, rest = divmod(part * lag, 1)
                late = padded[reach - int(whole) :][: len(gain)]
                later = padded[reach - int(whole) - 1 :][: len(gain)]
                gain += weight * ((1 - rest) * late + rest * later)
        return gains.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Totals:
    """The best total of a path to each rate at each step, (rates, reach + n).

    The first `reach` steps are in front of everything; beats are `lags` (rates,) steps apart, and
    of a fractional step its neighbours' totals are read. In float32, whose last place is a
    ten thousandth of one beat's gain after ten minutes. A path may begin within `lead_steps`.
    """

    values: Totals
    lags: Floats
    reach: int
    lead_steps: float

    @classmethod
    def before(cls, lags: Floats, count: int, lead_steps: float) -> _Totals:
        reach = int(lags.max()) + 2
        nowhere = np.full((len(lags), reach + count), NOWHERE, np.float32)
        return cls(nowhere, lags, reach, lead_steps)

    def at(self, steps: npt.NDArray[np.int64]) -> Totals:
        """The totals at steps that follow each other, to be read or set."""
        return self.values[:, self.reach + steps[0] : self.reach + steps[-1] + 1]

    def arrivals(self, steps: npt.NDArray[np.int64], cost: Totals) -> Totals:
        """The best total over all rates come from, (rates, steps), for steps in a row."""
        count = len(steps)
        low, part = self._back(int(steps[0]))
        spans = np.lib.stride_tricks.sliding_window_view(self.values, count, axis=1)
        options = spans[:, low]  # (rates come from, rates, steps): half a megabyte
        options *= (1 - part)[:, None]
        later = spans[:, low + 1]
        later *= part[:, None]
        options += later
        options -= cost.T[:, :, None]
        best: Totals = options.max(axis=0)
        return np.maximum(best, 0, out=best, where=steps < self.lead_steps)

    def _back(self, step: int) -> tuple[npt.NDArray[np.int64], Totals]:
        """Where beats before one at `step` lie in `values`: the steps in front, and how far on."""
        low = np.floor(step - self.lags)
        return self.reach + low.astype(np.int64), (step - self.lags - low).astype(np.float32)

    def walk_back(self, cost: Totals) -> tuple[float, Floats]:
        """From the best end to its beginning: the mean score a pulse, and its steps in order."""
        count = self.values.shape[1] - self.reach
        ends = self.at(np.arange(count - int(self.lags.max()) - 1, count))
        rate, step = np.unravel_index(int(ends.argmax()), ends.shape)
        score = float(ends[rate, step])
        place, index = float(step + count - ends.shape[1]), int(rate)
        path = []
        while place >= 0:
            path.append(place)
            low, part = (each[index] for each in self._back(round(place)))
            seen = self.values[:, low] * (1 - part) + self.values[:, low + 1] * part
            came = int((seen - cost[index]).argmax())
            if round(place) < self.lead_steps and seen[came] < cost[index, came]:
                break
            place, index = place - self.lags[index], came
        return score / len(path), np.array(path[::-1])
