"""A tempo map as the points of a REAPER project's tempo envelope."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction

from midi.grid import Grid, Meter
from stems.rpp import bpm_text, seconds_text


def tempo_points(grid: Grid, start: Fraction) -> Iterator[str]:
    """Yield the PT lines of a grid whose bar 1 lies at `start` seconds.

    Bars before a later start keep the first tempo and meter.
    """
    meters = {grid.bar_starts[change.bar]: change.meter for change in grid.meters}
    bar_seconds = grid.meter.beats * 60 / grid.tempo[0].bpm
    start_is_a_bar = start % bar_seconds == 0
    if start > 0:
        yield _point(Fraction(0), grid.tempo[0].bpm, False, grid.meter)
    for beat in sorted({point.beat for point in grid.tempo} | meters.keys()):
        index = bisect_right(grid.tempo, beat, key=lambda point: point.beat) - 1
        rule = grid.tempo[index]
        ramp = rule.ramp and index + 1 < len(grid.tempo)
        if beat == 0 and start > 0 and start_is_a_bar and not ramp:
            continue  # nothing begins here that the point at 0 has not begun
        bpm = rule.bpm if beat == rule.beat else Fraction(grid.bpm_at(beat))
        cut = beat == 0 and not start_is_a_bar
        yield _point(start + grid.seconds_at(beat), bpm, ramp, meters.get(beat), cut)


def _point(
    seconds: Fraction, bpm: Fraction, ramp: bool, meter: Meter | None, cut: bool = False
) -> str:
    """Seconds, bpm, shape (0 ramps linearly in time, 1 holds), then the meter and its flags.

    Flag 1 sets the meter; flag 4 (`cut`) lets the bar before it be shorter than its meter.
    """
    point = f"PT {seconds_text(seconds)} {bpm_text(bpm)} {0 if ramp else 1}"
    if meter is None:
        return point
    return f"{point} {meter.numerator + 65536 * meter.denominator} 0 {5 if cut else 1}"
