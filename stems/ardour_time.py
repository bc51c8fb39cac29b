"""The tempo map of an Ardour session, in its three units: superclocks, quarters and bars."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from midi.grid import Grid
from stems.errors import StemError

SUPERCLOCKS_HZ = 282_240_000  # of which any usual sample rate has a whole number a frame
TICKS_PER_BEAT = 1_920
RAMP_STEP_BEATS = 1  # Ardour's ramps are of another shape: here they are steps, right on each beat


def tempo_map(grid: Grid, start: Fraction) -> Element:
    """Return tempo and meter from the session's start: before bar 1 they are those of bar 1.

    `start` is the time of bar 1 in seconds. Raises StemError where that is no bar line.
    """
    lead_beats = start * grid.tempo[0].bpm / 60
    if (lead_beats / grid.meter.beats).denominator != 1:
        raise StemError(
            f"the job begins at {float(start):g} s, which is no bar line at {grid.bpm:g} bpm in "
            f"{grid.meter}; Ardour's tempo map could not have its bars"
        )
    root = Element("TempoMap", {"superclocks-per-second": str(SUPERCLOCKS_HZ)})
    tempos, meters = SubElement(root, "Tempos"), SubElement(root, "Meters")
    steps = list(_steps(grid))
    if lead_beats:
        steps = [(-lead_beats, grid.tempo[0].bpm), *steps]
        if steps[0][1] == steps[1][1]:
            del steps[1]
    for beat, bpm in steps:
        text = f"{float(bpm):.17g}"
        SubElement(tempos, "Tempo", {
            "npm": text, "enpm": text, "note-type": "4", "type": "Tempo::Constant", "active": "1",
            "locked-to-meter": "0", "continuing": "0",
            **_where(grid, beat, start, lead_beats), "omega": "0",
        })  # fmt: skip
    for change in grid.meters:
        beat = grid.bar_starts[change.bar] if change.bar else -lead_beats
        SubElement(meters, "Meter", {
            "note-value": str(change.meter.denominator),
            "divisions-per-bar": str(change.meter.numerator),
            **_where(grid, beat, start, lead_beats),
        })  # fmt: skip
    SubElement(root, "MusicTimes")
    return root


def _steps(grid: Grid) -> Iterator[tuple[Fraction, Fraction]]:
    """Tempo from each beat on; a ramp as steps that take as long as it does from beat to beat."""
    for index, point in enumerate(grid.tempo):
        last = index + 1 == len(grid.tempo)
        end = grid.beats if last else min(grid.tempo[index + 1].beat, grid.beats)
        if last or not point.ramp:
            yield point.beat, Fraction(point.bpm)
            continue
        beat = point.beat
        while beat < end:
            following = min(beat + RAMP_STEP_BEATS, end)
            seconds = Fraction(grid.seconds_at(following)) - Fraction(grid.seconds_at(beat))
            yield beat, 60 * (following - beat) / seconds
            beat = following


def _where(grid: Grid, beat: Fraction, start: Fraction, lead_beats: Fraction) -> dict[str, str]:
    """A beat of the grid, or its start if it is negative, in superclocks, quarters and bars."""
    if beat < 0:
        return {"sclock": "0", "quarters": "0:0", "bbt": "1|1|0"}
    ticks = round((lead_beats + beat) * TICKS_PER_BEAT)
    bar = grid.bar_at(beat)
    in_bar = (beat - grid.bar_starts[bar]) * grid.meter_at_bar(bar).denominator / 4  # in its notes
    bars = lead_beats / grid.meter.beats + bar
    return {
        "sclock": str(round((start + Fraction(grid.seconds_at(beat))) * SUPERCLOCKS_HZ)),
        "quarters": f"{ticks // TICKS_PER_BEAT}:{ticks % TICKS_PER_BEAT}",
        "bbt": f"{bars + 1}|{int(in_bar) + 1}|{round(in_bar % 1 * TICKS_PER_BEAT)}",
    }
