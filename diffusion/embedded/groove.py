"""Drums where the plan has them: a bar that the network left empty takes the next bar's groove.

In quiet bars the network may leave the drums out although they are to play.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffusion.embedded.performance import DRUMS, Performance, Played
from midi.grid import Grid

EMPTY, WHOLE = 0.2, 0.7  # of the middle number of hits of the bars that are played
ONCE = DRUMS["crash"]  # which is no part of a groove
EARLY_BEATS = 1 / 24


def with_groove(performance: Performance, plays: Sequence[bool] | None, grid: Grid) -> Performance:
    """Return `performance` whose drums play in every bar in which they are to, by `plays`.

    The groove is that of the nearest bar of the same length. Nothing is added where nothing is
    planned, or where no bar has a groove.
    """
    starts = [float(start) for start in grid.bar_starts]
    bars = bars_of(performance.parts["drums"].notes, starts)
    counts = [len(bar) for bar in bars if bar]
    if plays is None or not counts:
        return performance
    middle = float(np.median(counts))
    whole = [at for at, bar in enumerate(bars) if len(bar) >= WHOLE * middle]
    notes: list[Played] = []
    for at, bar in enumerate(bars):
        like = [each for each in whole if _length(starts, each) == _length(starts, at)]
        if plays[at] and len(bar) < max(1.0, EMPTY * middle) and like:
            model = min(like, key=lambda each: abs(each - at))
            moved = starts[at] - starts[model]
            bar = [
                replace(hit, start_beats=max(0.0, hit.start_beats + moved))
                for hit in bars[model]
                if hit.pitch != ONCE
            ]
        notes += bar
    return performance.with_notes("drums", notes)


def bars_of(notes: Sequence[Played], starts: Sequence[float]) -> list[list[Played]]:
    """Return the hits of each bar; one just before a bar belongs to it."""
    bars: list[list[Played]] = [[] for _ in starts[1:]]
    for note in notes:
        at = bisect_right(starts, note.start_beats + EARLY_BEATS) - 1
        bars[min(max(at, 0), len(bars) - 1)].append(note)
    return bars


def _length(starts: Sequence[float], bar: int) -> float:
    return round(starts[bar + 1] - starts[bar], 6)
