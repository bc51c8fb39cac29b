"""The picture of a take: notes over the bars, the stems under them, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audio.report import Conforming, Examination
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from stems.entries import Section
from stems.findings import findings
from stems.palette import BACKGROUND, BEAT_COLOUR, PANE, QUIET, SCALE_ROW, TEXT, WARNING
from stems.panes import (
    GUTTER,
    HEIGHT_PX,
    LEFT,
    MAX_LABELS,
    RIGHT,
    WIDTH_PX,
    bar_step,
    draw_piano_roll,
    draw_time_lines,
    draw_waveforms,
    x_of,
)
from stems.sheet import Sheet
from stems.stem_set import Take

BEATS = (0.548, 0.572)  # bottom and top of the pane with the beats measured


@dataclass(frozen=True, slots=True)
class Overview:
    """What the picture shows; `null_dbfs` is the peak of mix minus stems as written."""

    title: str
    grid: Grid
    key: Key
    melody: Melody | None
    take: Take
    sections: tuple[Section, ...] = ()
    null_dbfs: float | None = None
    row_names: Mapping[str, str] = field(default_factory=dict)  # for rows that are no stems


def draw_overview(path: Path, picture: Overview) -> None:
    """Write a PNG of 1600 x 1000 pixels; raises OSError."""
    take, report = picture.take, picture.take.report
    match = report.melody if isinstance(report, Examination) else None
    sheet = Sheet(WIDTH_PX, HEIGHT_PX, BACKGROUND)
    _draw_heading(sheet, picture)
    _draw_ruler(sheet, picture)
    draw_piano_roll(sheet, picture.grid, picture.key, take.notes, picture.melody, match)
    _draw_beats(sheet, picture)
    draw_waveforms(sheet, picture.grid, take.stem_set.clips, picture.row_names)
    _draw_findings(sheet, picture)
    sheet.save(path)


def _draw_heading(sheet: Sheet, picture: Overview) -> None:
    grid = picture.grid
    bpms = sorted({float(point.bpm) for point in grid.tempo})
    tempo = f"{bpms[0]:g} BPM" if len(bpms) == 1 else f"{bpms[0]:g}–{bpms[-1]:g} BPM"
    meters = ", ".join(dict.fromkeys(str(change.meter) for change in grid.meters))
    bars = f"{grid.bars} bar{'s' if grid.bars > 1 else ''}"
    facts = (tempo, picture.key.name, meters, bars, f"{float(grid.seconds):.2f} s")
    sheet.text(LEFT, 0.945, _cut(picture.title, 44), size=21, colour=TEXT, bold=True)
    sheet.text(RIGHT, 0.947, _cut("  ·  ".join(facts), 90), size=15, colour=QUIET, align="right")


def _draw_ruler(sheet: Sheet, picture: Overview) -> None:
    """Sections and bar numbers over the piano roll, minutes and seconds under the stems."""
    grid = picture.grid
    step = bar_step(grid)
    crowded = grid.bars / step > MAX_LABELS / 2
    for bar in range(0, grid.bars, step):
        x = x_of(grid, grid.bar_starts[bar])
        sheet.text(x + 0.002, 0.871, str(bar + 1), size=11, colour=TEXT)
        if not crowded or bar % (2 * step) == 0:
            minutes, seconds = divmod(float(grid.seconds_at(grid.bar_starts[bar])), 60)
            sheet.text(x, 0.117, f"{minutes:.0f}:{seconds:05.2f}", size=9, colour=QUIET)
    sheet.text(GUTTER, 0.871, "bar", size=9, colour=QUIET, align="right")
    sheet.text(GUTTER, 0.117, "time", size=9, colour=QUIET, align="right")
    for section in picture.sections:
        left = x_of(grid, grid.bar_starts[section.first_bar])
        right = x_of(grid, grid.bar_starts[section.first_bar + section.bars])
        sheet.boxes([(left + 0.001, right - 0.001, 0.893, 0.917)], fill=SCALE_ROW)
        room = int((right - left) * WIDTH_PX / 10)  # some 10 pixels a letter
        sheet.text(left + 0.007, 0.899, _cut(section.name, room), size=11, colour=TEXT)


def _draw_beats(sheet: Sheet, picture: Overview) -> None:
    """Measured beats as bright marks over the lines of the grid.

    Where the take was conformed they are in the upper half, and those of before, counted from the
    first downbeat, in the lower half.
    """
    grid = picture.grid
    bottom, top = BEATS
    sheet.boxes([(LEFT, RIGHT, bottom, top)], fill=PANE)
    draw_time_lines(sheet, grid, bottom, top)
    report, conform = picture.take.report, picture.take.facts.conform
    seconds = report.beats_seconds if report else ()
    before = conform.beats_before_seconds if isinstance(conform, Conforming) else None
    middle = (bottom + top) / 2 if before else bottom
    rows = [(seconds, middle, top, BEAT_COLOUR)]
    if before:
        rows.append((tuple(each - before[0] for each in before), bottom, middle, WARNING))
    marks = 0
    for row, low, high, colour in rows:
        places = [x_of(grid, grid.beat_at(each)) for each in row]
        lines = [((x, low + 0.002), (x, high - 0.002)) for x in places if LEFT <= x <= RIGHT]
        marks += len(lines)
        sheet.lines(lines, colour, min(2.0, 250.0 / max(len(lines), 1)))  # many stay apart
    label = "beats heard" if marks else "no beats heard"
    label = "after / before" if before else label
    sheet.text(GUTTER, bottom + 0.007, label, size=9, colour=QUIET, align="right")


def _draw_findings(sheet: Sheet, picture: Overview) -> None:
    cells = findings(picture.take, picture.grid, picture.key, picture.null_dbfs)
    sheet.text(GUTTER, 0.042, "measured", size=11, colour=TEXT, bold=True, align="right")
    for column, cell in enumerate(cells):
        x = LEFT + column * (RIGHT - LEFT) / len(cells)
        value, remark = (TEXT, QUIET) if cell.as_asked else (WARNING, WARNING)
        sheet.text(x, 0.067, cell.name, size=9, colour=QUIET)
        sheet.text(x, 0.041, cell.value, size=14, colour=value, bold=True)
        sheet.text(x, 0.020, cell.remark, size=9, colour=remark)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: max(letters - 1, 0)] + "…"
