"""What the caption says of each bar: its section's words, and its intensity.

The model has no intensity as a condition, but captions that say how much goes on. A section (or,
where none are asked for, a block of eight bars, or half of a shorter piece) is described by the
words that docs/guide/engines.md lists, or by none.
"""

from __future__ import annotations

from itertools import pairwise

from diffusion.engine import Conditions
from midi.curve import Curve
from midi.grid import Grid
from midi.sections import section_text, spans

MARKED_CHANGE = 0.3
BLOCK_BARS = 8


def words_of_bars(conditions: Conditions) -> tuple[str, ...]:
    """Words for each bar, "" where there are none; nothing at all where nothing was asked."""
    grid, sections, curve = conditions.grid, conditions.sections, conditions.intensity
    if not sections and curve is None:
        return ()
    words_by_bar = []
    for first, end, name in _parts(grid, sections):
        words = [section_text(name).words, intensity_word(curve, grid, first, end)]
        words_by_bar += [", ".join(filter(None, words))] * (end - first)
    return tuple(words_by_bar)


def intensity_word(curve: Curve | None, grid: Grid, first_bar: int, end_bar: int) -> str:
    """The word for what a curve does from a bar up to but without another (from 0), or ""."""
    if curve is None:
        return ""
    begin, end = grid.bar_starts[first_bar], grid.bar_starts[end_bar]
    change, mean = curve.at(end) - curve.at(begin), curve.mean(begin, end)
    if abs(change) >= MARKED_CHANGE:
        return "building" if change > 0 else "fading"
    return "soft" if mean < 1 / 3 else "intense" if mean > 2 / 3 else ""


def _parts(grid: Grid, sections: tuple[str, ...]) -> list[tuple[int, int, str]]:
    """First bar, bar after the last, and name of each section, or of blocks that have none."""
    if sections:
        return [(span.first_bar, span.end_bar, span.name) for span in spans(sections)]
    block = min(BLOCK_BARS, max(1, grid.bars // 2))
    bounds = [*range(0, grid.bars, block), grid.bars]
    return [(first, end, "") for first, end in pairwise(bounds)]
