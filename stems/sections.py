"""Named parts of a song, such as a verse of four bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from midi.grid import Grid
from stems.errors import StemError


@dataclass(frozen=True, slots=True)
class Section:
    """A run of bars under one name; `first_bar` counts from 0."""

    name: str
    first_bar: int
    bars: int


def sections_of(bar_names: Sequence[str], grid: Grid) -> tuple[Section, ...]:
    """Join one name a bar into runs; bars named "" belong to no section.

    Raises StemError unless there is one name for each of the grid's bars, or none at all.
    """
    if bar_names and len(bar_names) != grid.bars:
        raise StemError(f"sections names {len(bar_names)} bars, the grid has {grid.bars}")
    found = []
    bar = 0
    for name, run in groupby(bar_names):
        bars = len(list(run))
        if name:
            found.append(Section(name, bar, bars))
        bar += bars
    return tuple(found)
