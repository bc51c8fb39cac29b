"""The picture of a lead sheet: form, chords, the tune, which parts play, and how intense it is."""

from __future__ import annotations

from pathlib import Path

from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import PARTS, LeadSheet
from stems.palette import (
    BACKGROUND,
    GIVEN_COLOUR,
    NEUTRAL,
    PANE,
    QUIET,
    SCALE_ROW,
    STEM_COLOURS,
    TEXT,
    hex_colour,
)
from stems.panes import (
    GUTTER,
    HEIGHT_PX,
    LEFT,
    RIGHT,
    ROLL,
    WIDTH_PX,
    bar_step,
    draw_piano_roll,
    draw_time_lines,
    x_of,
)
from stems.sheet import Sheet

CHORD_ROW, PART_ROWS, LEVELS = (0.50, 0.56), (0.20, 0.47), (0.06, 0.17)  # bottom and top
LETTER = 0.0058  # of the width: what a letter of a chord symbol takes


def draw_plan(path: Path, sheet: LeadSheet, grid: Grid, key: Key) -> None:
    """Write a PNG of 1600 x 1000 pixels; raises OSError."""
    picture = Sheet(WIDTH_PX, HEIGHT_PX, BACKGROUND)
    facts = f"{grid.bpm:g} BPM  ·  {key.name}  ·  {grid.meter}  ·  {grid.bars} bars"
    picture.text(LEFT, 0.945, "Lead sheet", size=21, colour=TEXT, bold=True)
    picture.text(RIGHT, 0.947, facts, size=15, colour=QUIET, align="right")
    _draw_form(picture, sheet, grid)
    tune = {sheet.tune.part: sheet.tune.notes} if sheet.tune else {}
    draw_piano_roll(picture, grid, key, tune, None, None)
    picture.boxes([(0.0, GUTTER - 0.03, *ROLL)], fill=BACKGROUND)  # its words are of a take
    _draw_chords(picture, sheet, grid)
    _draw_parts(picture, sheet, grid)
    _draw_levels(picture, sheet, grid)
    picture.save(path)


def _draw_form(picture: Sheet, sheet: LeadSheet, grid: Grid) -> None:
    for bar in range(0, grid.bars, bar_step(grid)):
        x = x_of(grid, grid.bar_starts[bar]) + 0.002
        picture.text(x, 0.871, str(bar + 1), size=11, colour=TEXT)
    for section in sheet.sections:
        left = x_of(grid, grid.bar_starts[section.first_bar - 1])
        right = x_of(grid, grid.bar_starts[section.last_bar])
        picture.boxes([(left + 0.001, right - 0.001, 0.893, 0.917)], fill=SCALE_ROW)
        letters = int((right - left) / LETTER)
        picture.text(left + 0.007, 0.899, section.name[:letters], size=11, colour=TEXT)


def _draw_chords(picture: Sheet, sheet: LeadSheet, grid: Grid) -> None:
    bottom, top = CHORD_ROW
    picture.boxes([(LEFT, RIGHT, bottom, top)], fill=PANE)
    draw_time_lines(picture, grid, bottom, top)
    picture.text(GUTTER, bottom + 0.02, "chords", size=11, colour=TEXT, align="right")
    free = LEFT
    for chord in sheet.chords:
        left, right = (x_of(grid, beat) for beat in (chord.start_beats, chord.end_beats))
        picture.lines([((left, bottom), (left, top))], GIVEN_COLOUR, 0.8)
        if left >= free and len(chord.symbol) * LETTER < max(right - left, LETTER * 4):
            picture.text(left + 0.002, bottom + 0.02, chord.symbol, size=10, colour=TEXT)
            free = left + 0.002 + len(chord.symbol) * LETTER
    if not sheet.chords:
        picture.text(LEFT + 0.01, bottom + 0.02, "not known", size=10, colour=QUIET)


def _draw_parts(picture: Sheet, sheet: LeadSheet, grid: Grid) -> None:
    """A row for each part, filled where it plays, framed where nothing is said of it."""
    bottom, top = PART_ROWS
    height = (top - bottom) / len(PARTS)
    for row, part in enumerate(PARTS):
        upper = top - row * height
        lower = upper - height + 0.006
        picture.boxes([(LEFT, RIGHT, lower, upper)], fill=PANE)
        draw_time_lines(picture, grid, lower, upper)
        colour = hex_colour(STEM_COLOURS.get(part, NEUTRAL))
        spans = sheet.parts.get(part, ((1, grid.bars),))
        boxes = [
            (x_of(grid, grid.bar_starts[first - 1]), x_of(grid, grid.bar_starts[last]),
             lower + 0.006, upper - 0.006)
            for first, last in spans
        ]  # fmt: skip
        if part in sheet.parts:
            picture.boxes(boxes, fill=colour)
        else:
            picture.boxes(boxes, frame=colour, width=1.0)
        picture.text(GUTTER, lower + 0.015, part, size=11, colour=colour, align="right")


def _draw_levels(picture: Sheet, sheet: LeadSheet, grid: Grid) -> None:
    bottom, top = LEVELS
    picture.boxes([(LEFT, RIGHT, bottom, top)], fill=PANE)
    draw_time_lines(picture, grid, bottom, top)
    picture.text(GUTTER, bottom + 0.04, "intensity", size=11, colour=TEXT, align="right")
    boxes = [
        (x_of(grid, grid.bar_starts[bar]), x_of(grid, grid.bar_starts[bar + 1]),
         bottom, bottom + level * (top - bottom))
        for bar, level in enumerate(sheet.intensity or ())
    ]  # fmt: skip
    picture.boxes(boxes, fill=hex_colour(NEUTRAL))
