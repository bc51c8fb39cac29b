"""Bar lines seen four bars at a time: does every stretch of a recording begin its bars there?

Where a recording starts says much of its bar line if it is a piece, and misleads if it is a cut.
These looks do not know where it starts: each takes four bars, and the phase is chosen whose lines,
beats and parts of beats look most like those of bars, by the weights of audio/downbeat.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.features import Floats

BARS_A_LOOK = 4

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """How many of `count` looks chose each phase, (slots of a bar,)."""

    votes: Indices
    count: int

    def at(self, slots: Indices) -> Indices:
        """How many chose the phase of each of these slots."""
        return np.asarray(self.votes[slots % len(self.votes)])


def look_at_windows(
    worth: Mapping[str, Floats], inside: npt.NDArray[np.bool_], places: Mapping[str, Sequence[int]]
) -> Looks:
    """Look at all stretches of four bars of a recording whose bars are all alike.

    `worth` of each place in a bar says what every slot (n,) is worth there, `inside` which slots
    lie in the recording, and `places` which slots of a bar, counted from its line, each is.
    """
    bar = 1 + max(max(at) for at in places.values() if at)  # the last slot is a pulse or a part
    here = np.flatnonzero(inside)
    bars = (int(here[-1]) - int(here[0]) + 1) // bar - 1 if len(here) else 0
    looks = max(0, bars) // BARS_A_LOOK
    if not looks:
        return Looks(np.zeros(bar, np.int64), 0)
    values = np.zeros(len(inside))
    for name, at in places.items():
        values += _mean(np.where(inside, worth[name], 0.0), inside, at)
    first = int(here[0])
    lines = first + (np.arange(bar) - first) % bar
    lines = lines[:, None] + bar * np.arange(BARS_A_LOOK * looks)  # (phases, bars)
    sums = values[lines].reshape(bar, looks, BARS_A_LOOK).sum(axis=2)
    return Looks(np.bincount(sums.argmax(axis=0), minlength=bar), looks)


def _mean(worth: Floats, inside: npt.NDArray[np.bool_], offsets: Sequence[int]) -> Floats:
    """The mean worth of the slots at these offsets from each slot, those that are inside."""
    total, count = np.zeros(len(worth)), np.zeros(len(worth))
    for offset in offsets:
        low, high = max(0, -offset), min(len(worth), len(worth) - offset)
        total[low:high] += worth[low + offset : high + offset]
        count[low:high] += inside[low + offset : high + offset]
    return total / np.maximum(count, 1)
