"""The way of the beats through a recording: dynamic programming over place and tempo.

Each beat stands where sounds begin, and so do its subdivisions; from one beat to the next the
tempo may change, at a price (after D. Ellis, "Beat Tracking by Dynamic Programming", JNMR 36,
2007, with the tempo as a second state). Places are measured in beats of the expected grid, so the
expected tempo is a rate of 1 under any tempo map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from audio.hearing import Floats, OnsetEnvelope
from audio.onsets import relative_strength

STEP_SECONDS = 0.006
BLUR_STEPS = 1.5  # onsets of one beat scatter by some milliseconds
CEILING = 1.3  # no onset counts for more than that many loud ones
MEAN_OVER_SECONDS = 3.0
RATE_STEP = 0.005  # relative; the fit to the onsets makes the tempo exact later
REACH = 0.085  # log of the fastest and of the slowest rate against the expected
OTHER_RATES = ((-0.26, -0.10), (0.10, 0.26))  # where another tempo would be found instead
CHANGE_COST, MOST_CHANGE_COST = 1.0, 4.0  # of 1 % from beat to beat, squared; and of any jump
# How far in front of a beat its subdivisions lie, in beats, and what sounds there count.
SUBDIVISIONS = {
    "straight": ((1 / 2, 1 / 4, 3 / 4), (0.5, 0.2, 0.2)),
    "swung": ((1 / 3, 2 / 3), (0.5, 0.1)),
    "ternary": ((1 / 3, 2 / 3), (0.4, 0.4)),
}
LEAD_PULSES = 2.2  # the first beat lies in the first so many
NOWHERE = -1e9


@dataclass(frozen=True, slots=True, eq=False)
class BeatPath:
    """Places (n,) in grid beats of all pulses in order, and how well sounds begin on them.

    `score` is the mean over the pulses: near 1 for a drum kit, under 0.3 for onsets that only
    happen to be there. `rival` is the best score at tempos 10 to 23 % off.
    """

    places: Floats
    score: float
    rival: float
    swung: bool = False


def find_path(
    envelope: OnsetEnvelope, places: Floats, pulse_beats: float, bpm: float, ternary: bool
) -> BeatPath | None:
    """Lay pulses, `pulse_beats` apart at the expected tempo, through an onset envelope.

    `places` (n,) are the envelope's times in grid beats; `bpm` is the grid's at the start and
    only sets the resolution. None for recordings under four pulses.
    """
    step = STEP_SECONDS * bpm / 60
    even = np.arange(places[0], places[-1], step)
    if len(even) * step < 4 * pulse_beats:
        return None
    strength = gaussian_filter1d(np.interp(even, places, relative_strength(envelope)), BLUR_STEPS)
    strength = np.minimum(strength, CEILING)
    strength -= uniform_filter1d(strength, int(MEAN_OVER_SECONDS / STEP_SECONDS))
    ways = []
    for name in ("ternary",) if ternary else ("straight", "swung"):
        search = _Search(strength, pulse_beats / step, *SUBDIVISIONS[name])
        ways.append((*search.best(-REACH, REACH), search, name))
    score, found, search, name = max(ways, key=lambda way: way[0])
    rival = max(search.best(low, high)[0] for low, high in OTHER_RATES)
    return BeatPath(even[0] + found * step, score, rival, name == "swung")


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
        cost = np.minimum(CHANGE_COST * changes**2, MOST_CHANGE_COST)
        total = np.full(gain.shape, NOWHERE)
        before = np.full(gain.shape, -1, np.int16)
        count = gain.shape[1]
        block = int(lags.min()) - 1  # within so many steps no beat depends on another
        for first in range(0, count, block):
            here = np.arange(first, min(count, first + block))
            fresh = here < LEAD_PULSES * self.pulse_steps
            best, which = _arrivals(total, here - lags[:, None], cost)
            starts = fresh & (best < 0)
            total[:, here] = gain[:, here] + np.where(starts, 0, best)
            before[:, here] = np.where(starts, -1, which)
        return _walk_back(total, before, lags)

    def _gains(self, lags: Floats) -> Floats:
        """What a beat at each step wins (rates, n), with the subdivisions in front of it."""
        steps = np.arange(len(self.strength))
        gains = np.tile(self.strength, (len(lags), 1))
        for index, lag in enumerate(lags):
            for part, weight in zip(self.parts, self.weights, strict=True):
                gains[index] += weight * np.interp(steps - part * lag, steps, self.strength, left=0)
        return gains


def _arrivals(total: Floats, at: Floats, cost: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The best total at fractional steps (rates, n) over all rates it may be come from."""
    lower = np.floor(at).astype(np.int64)
    part = (at - lower).astype(total.dtype)
    lower = np.maximum(lower, 0)
    first = int(lower.min())
    # Rates to come from lie along the last axis, so that each is read in one go.
    seen = np.ascontiguousarray(total[:, first : int(lower.max()) + 2].T)
    upper = np.minimum(lower - first + 1, len(seen) - 1)
    low = seen[lower - first]
    options = low + part[:, :, None] * (seen[upper] - low) - cost[:, None, :]
    which = options.argmax(axis=2)
    best = np.take_along_axis(options, which[:, :, None], axis=2)[:, :, 0]
    return np.where(at >= 0, best, NOWHERE), which


def _walk_back(total: Floats, before: npt.NDArray[np.int16], lags: Floats) -> tuple[float, Floats]:
    ends = total[:, total.shape[1] - int(lags.max()) - 1 :]
    rate, step = np.unravel_index(int(ends.argmax()), ends.shape)
    score = float(ends[rate, step])
    place, index = float(step + total.shape[1] - ends.shape[1]), int(rate)
    path = []
    while place >= 0:
        path.append(place)
        previous = int(before[index, round(place)])
        if previous < 0:
            break
        place, index = place - lags[index], previous
    return score / len(path), np.array(path[::-1])
