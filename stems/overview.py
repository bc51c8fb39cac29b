"""The picture of a take: notes over the bars, the stems under them, and what was measured.

Everything shares one axis in beats, so a bar is as wide everywhere as it is long in notes,
tempo map or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.decibels import dbfs
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note
from stems.findings import decibels, findings
from stems.palette import STEM_COLOURS, hex_colour
from stems.sections import Section
from stems.sheet import Box, Sheet
from stems.take import Take

WIDTH_PX, HEIGHT_PX = 1600, 1000
LEFT, RIGHT = 0.075, 0.98  # the time axis; all places are fractions of the picture
ROLL = (0.585, 0.865)  # bottom and top of each pane
BEATS = (0.548, 0.572)
STEMS_PANE = (0.135, 0.535)
GUTTER = LEFT - 0.008  # where names at the left end

BACKGROUND, PANE, SCALE_ROW = "#15171c", "#1b1e25", "#232732"
BEAT_LINE, BAR_LINE = "#262a34", "#3d4452"
TEXT, QUIET, WARNING = "#eceef3", "#98a0b0", "#f4b860"
GIVEN_COLOUR, BEAT_COLOUR = "#fdf6e3", "#ffffff"

_MAX_FAINT_LINES = 160  # more would be a grey area
_MAX_LABELS = 24
_LEAST_SEMITONES = 14
_KNOTS = 256  # exact times along the axis; between them (6 pixels) time is taken as linear


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
    sheet = Sheet(WIDTH_PX, HEIGHT_PX, BACKGROUND)
    _draw_heading(sheet, picture)
    _draw_ruler(sheet, picture)
    _draw_piano_roll(sheet, picture)
    _draw_beats(sheet, picture)
    _draw_stems(sheet, picture)
    _draw_findings(sheet, picture)
    sheet.save(path)


def x_of(grid: Grid, beat: Fraction | float) -> float:
    """Where a beat lies across the picture: 0 is its left edge, 1 its right."""
    return LEFT + (RIGHT - LEFT) * float(beat) / float(grid.beats)


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
    step = _bar_step(grid)
    crowded = grid.bars / step > _MAX_LABELS / 2
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


def _draw_piano_roll(sheet: Sheet, picture: Overview) -> None:
    """Filled: what the stems play. Framed: the melody that was given."""
    grid, key = picture.grid, picture.key
    played = list(_played(picture))
    given = picture.melody.notes if picture.melody else ()
    low, high = _pitch_range([note for _, notes in played for note in notes] + list(given))
    bottom, top = ROLL
    semitone = (top - bottom) / (high - low + 1)

    def box(start: Fraction | float, end: Fraction | float, pitch: int, height: float) -> Box:
        y = bottom + (pitch - low + 0.5) * semitone
        end = min(end, grid.beats)
        half = height * semitone / 2
        return x_of(grid, start), x_of(grid, end), y - half, y + half

    def boxes(notes: Sequence[Note], height: float) -> list[Box]:
        inside = [note for note in notes if note.start_beats < grid.beats]
        return [box(n.start_beats, n.end_beats, n.pitch, height) for n in inside]

    scale = [p for p in range(low, high + 1) if p % 12 in key.pitch_classes]
    sheet.boxes([(LEFT, RIGHT, bottom, top)], fill=PANE)
    sheet.boxes([box(0, grid.beats, pitch, 1.0) for pitch in scale], fill=SCALE_ROW)
    for pitch in scale:
        if pitch % 12 == key.tonic:
            y = bottom + (pitch - low + 0.5) * semitone
            sheet.lines([((LEFT, y), (RIGHT, y))], BAR_LINE, 1.0)
            octave = f"{key.spelling}{pitch // 12 - 1}"
            sheet.text(GUTTER, y - 0.005, octave, size=10, colour=QUIET, align="right")
    _draw_time_lines(sheet, grid, bottom, top)
    for stem, notes in played:
        sheet.boxes(boxes(notes, 0.84), fill=hex_colour(STEM_COLOURS[stem]))
    missed = _missed(picture)
    met = [note for note in given if float(note.start_beats) not in missed]
    lost = [note for note in given if float(note.start_beats) in missed]
    sheet.boxes(boxes(met, 1.0), frame=GIVEN_COLOUR, width=1.4)
    sheet.boxes(boxes(lost, 1.0), frame=WARNING, width=1.4)
    heard = [
        box(note.start_beats, note.end_beats, round(sounding), 0.3)
        for note in lost
        if (sounding := missed[float(note.start_beats)]) is not None and low <= sounding <= high
    ]
    sheet.boxes(heard, fill=WARNING)
    sheet.text(0.008, 0.850, "▭ given" if given else "none given", size=9, colour=QUIET)
    if lost:
        sheet.text(0.008, 0.816, "▭ not heard so", size=9, colour=WARNING)
    if played:
        sheet.text(0.008, 0.833, "■ played", size=9, colour=QUIET)


def _missed(picture: Overview) -> dict[float, float | None]:
    """The beats of given notes that were not heard as given, and the pitch heard, if any."""
    match = picture.take.report.get("melody")
    departures = match.get("departures") if isinstance(match, Mapping) else None
    if not isinstance(departures, list | tuple):
        return {}
    return {float(each["beat"]): each["heard"] for each in departures}


def _played(picture: Overview) -> Iterator[tuple[str, Sequence[Note]]]:
    """Notes of melody and vocals; of the bass, two octaves down, only where it stands alone."""
    notes = picture.take.notes
    stems = [stem for stem in ("melody", "vocals") if notes.get(stem)]
    alone = not stems and picture.melody is None and notes.get("bass")
    for stem in ["bass"] if alone else stems:
        yield stem, notes[stem]


def _pitch_range(notes: Sequence[Note]) -> tuple[int, int]:
    pitches = [note.pitch for note in notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    while high - low < _LEAST_SEMITONES:
        low, high = low - 1, high + 1
    return low, high


def _draw_beats(sheet: Sheet, picture: Overview) -> None:
    """Measured beats as bright marks over the lines of the grid.

    Where the take was brought onto the grid they stand in the upper half, and in the lower one
    those of before, counted from the first downbeat.
    """
    grid = picture.grid
    bottom, top = BEATS
    sheet.boxes([(LEFT, RIGHT, bottom, top)], fill=PANE)
    _draw_time_lines(sheet, grid, bottom, top)
    measured = picture.take.report.get("beats_seconds")
    seconds = [float(each) for each in measured] if isinstance(measured, list | tuple) else []
    conform = picture.take.facts.get("conform")
    before = conform.get("beats_before_seconds") if isinstance(conform, Mapping) else None
    before = list(before) if isinstance(before, list | tuple) else []
    middle = (bottom + top) / 2 if before else bottom
    rows = [(seconds, middle, top, BEAT_COLOUR)]
    rows += [([each - before[0] for each in before], bottom, middle, WARNING)] if before else []
    marks = 0
    for row, low, high, colour in rows:
        places = [x_of(grid, grid.beat_at(each)) for each in row]
        lines = [((x, low + 0.002), (x, high - 0.002)) for x in places if LEFT <= x <= RIGHT]
        marks += len(lines)
        sheet.lines(lines, colour, min(2.0, 250.0 / max(len(lines), 1)))  # many stay apart
    label = "beats heard" if marks else "no beats heard"
    label = "after / before" if before else label
    sheet.text(GUTTER, bottom + 0.007, label, size=9, colour=QUIET, align="right")


def _draw_stems(sheet: Sheet, picture: Overview) -> None:
    """Waveforms under one another on one scale, so that a quiet stem looks quiet."""
    clips = picture.take.stem_set.clips
    bottom, top = STEMS_PANE
    height = (top - bottom) / len(clips)
    loudest = max([clip.peak for clip in clips.values()] + [1e-6])
    scale = (height - 0.004) / 2 / (1.04 * loudest)
    edges, x = _columns(picture.grid, next(iter(clips.values())))
    for row, (stem, clip) in enumerate(clips.items()):
        upper = top - row * height
        lower = upper - height + 0.004
        middle = (lower + upper) / 2
        sheet.boxes([(LEFT, RIGHT, lower, upper)], fill=PANE)
        _draw_time_lines(sheet, picture.grid, lower, upper)
        colour = hex_colour(STEM_COLOURS[stem])
        lowest, highest, rms = _envelope(clip, edges)
        sheet.lines([((LEFT, middle), (RIGHT, middle))], colour + "80", 0.6)
        sheet.area(x, middle + scale * lowest, middle + scale * highest, colour + "80")
        sheet.area(x, middle - scale * rms, middle + scale * rms, colour)
        name = picture.row_names.get(stem, stem)
        sheet.text(GUTTER, middle, name, size=13, colour=colour, bold=True, align="right")
        level = f"peak {decibels(dbfs(clip.peak))}" if clip.peak > 0 else "silent"
        sheet.text(GUTTER, middle - 0.021, level, size=9, colour=QUIET, align="right")


def _columns(grid: Grid, clip: Clip) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """First frame, and middle across the picture, of each pixel column of the time axis."""
    count = round(WIDTH_PX * (RIGHT - LEFT))
    knots = {grid.beats * n / _KNOTS for n in range(_KNOTS + 1)}
    knots |= {point.beat for point in grid.tempo if point.beat < grid.beats}
    beats = sorted(knots)
    frames = [grid.frame_at(beat, clip.sample_rate) for beat in beats]
    left = np.arange(count) / count
    whole = float(grid.beats)
    edges = np.interp(left, [float(beat) / whole for beat in beats], frames).astype(np.int64)
    middles = LEFT + (RIGHT - LEFT) * (left + 0.5 / count)
    return np.minimum(edges, clip.frames - 1), middles


def _envelope(
    clip: Clip, edges: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lowest and highest sample and RMS of each column, over both channels."""
    lowest = np.minimum.reduceat(clip.samples.min(axis=0), edges).astype(np.float64)
    highest = np.maximum.reduceat(clip.samples.max(axis=0), edges).astype(np.float64)
    power = np.add.reduceat(np.square(clip.samples).mean(axis=0), edges, dtype=np.float64)
    lengths = np.maximum(np.diff(edges, append=clip.frames), 1)
    return lowest, highest, np.sqrt(power / lengths)


def _draw_findings(sheet: Sheet, picture: Overview) -> None:
    cells = findings(picture.take, picture.grid, picture.key, picture.null_dbfs)
    sheet.text(GUTTER, 0.042, "measured", size=11, colour=TEXT, bold=True, align="right")
    for column, cell in enumerate(cells):
        x = LEFT + column * (RIGHT - LEFT) / len(cells)
        value, remark = (TEXT, QUIET) if cell.as_asked else (WARNING, WARNING)
        sheet.text(x, 0.067, cell.name, size=9, colour=QUIET)
        sheet.text(x, 0.041, cell.value, size=14, colour=value, bold=True)
        sheet.text(x, 0.020, cell.remark, size=9, colour=remark)


def _draw_time_lines(sheet: Sheet, grid: Grid, bottom: float, top: float) -> None:
    """Beats faint, bars strong; of very many bars only the numbered ones are strong."""
    step = _bar_step(grid)
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


def _beat_lines(grid: Grid) -> list[Fraction]:
    """Beats as the meter counts them (eighths in 7/8), without the bar lines."""
    lines = []
    for bar, start in enumerate(grid.bar_starts[:-1]):
        meter = grid.meter_at_bar(bar)
        unit = Fraction(4, meter.denominator)
        lines += [start + n * unit for n in range(1, meter.numerator)]
    return lines


def _bar_step(grid: Grid) -> int:
    """Every how many bars there is room for a number."""
    step = 1
    while grid.bars / step > _MAX_LABELS:
        step *= 2
    return step


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: max(letters - 1, 0)] + "…"
