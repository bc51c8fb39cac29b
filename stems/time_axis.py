"""The axis in beats that all panes of the picture share.

A bar is as wide everywhere as it is long in notes, tempo map or not. All places are fractions of
the picture.
"""

from __future__ import annotations

from fractions import Fraction

from midi.grid import Grid
from stems.palette import BAR_LINE, BEAT_LINE
from stems.sheet import Sheet

WIDTH_PX, HEIGHT_PX = 1600, 1000
LEFT, RIGHT = 0.075, 0.98
GUTTER = LEFT - 0.008  # where names at the left end
MAX_LABELS = 24
_MAX_FAINT_LINES = 160  # more would be a grey area


def x_of(grid: Grid, beat: Fraction | float) -> float:
    """Where a beat lies across the picture: 0 is its left edge, 1 its right."""
    return LEFT + (RIGHT - LEFT) * float(beat) / float(grid.beats)


def draw_time_lines(sheet: Sheet, grid: Grid, bottom: float, top: float) -> None:
    """Beats faint, bars strong; of very many bars only the numbered ones are strong."""
    step = bar_step(grid)
    faint: list[Fraction] = []
    if grid.bars <= _MAX_FAINT_LINES:
        beats = _beat_lines(grid)
        faint += beats if len(beats) <= _MAX_FAINT_LINES else ()
        faint += grid.bar_starts if step > 1 else ()
    for places, colour, width in (
        (faint, BEAT_LINE, 0.8),
        (grid.bar_starts[::step], BAR_LINE, 1.1),
    ):
        lines = [((x_of(grid, beat), bottom), (x_of(grid, beat), top)) for beat in places]
        sheet.lines(lines, colour, width)


def bar_step(grid: Grid) -> int:
    """Every how many bars there is room for a number."""
    step = 1
    while grid.bars / step > MAX_LABELS:
        step *= 2
    return step


def _beat_lines(grid: Grid) -> list[Fraction]:
    """Beats as the meter counts them (eighths in 7/8), without the bar lines."""
    lines = []
    for bar, start in enumerate(grid.bar_starts[:-1]):
        meter = grid.meter_at_bar(bar)
        unit = Fraction(4, meter.denominator)
        lines += [start + n * unit for n in range(1, meter.numerator)]
    return lines
