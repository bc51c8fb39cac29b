"""The panes of the picture: notes over the bars, and the stems' waveforms, on one axis in beats.

A bar is as wide everywhere as it is long in notes, tempo map or not. All places are fractions of
the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.decibels import dbfs
from audio.report import MelodyMatch
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note
from stems.findings import decibels
from stems.palette import (
    BAR_LINE,
    BEAT_LINE,
    GIVEN_COLOUR,
    PANE,
    QUIET,
    SCALE_ROW,
    STEM_COLOURS,
    WARNING,
    hex_colour,
)
from stems.sheet import Box, Floats, Sheet

WIDTH_PX, HEIGHT_PX = 1600, 1000
LEFT, RIGHT = 0.075, 0.98
GUTTER = LEFT - 0.008  # where names at the left end
MAX_LABELS = 24
_MAX_FAINT_LINES = 160  # more would be a grey area
ROLL = (0.585, 0.865)  # bottom and top
_LEAST_SEMITONES = 14
STEMS_PANE = (0.135, 0.535)  # bottom and top
_KNOTS = 256  # exact times along the axis; between them (6 pixels) time is taken as linear


def x_of(grid: Grid, beat: Fraction | float) -> float:
    """Where a beat lies across the picture: 0 is its left edge, 1 its right."""
    return LEFT + (RIGHT - LEFT) * float(beat) / float(grid.beats)


def draw_time_lines(sheet: Sheet, grid: Grid, bottom: float, top: float) -> None:
    """Beats faint, bars strong; of very many bars only the numbered ones are strong."""
    step = bar_step(grid)
    faint, strong = list[Fraction](), grid.bar_starts[::step]
    if grid.bars <= _MAX_FAINT_LINES:
        beats = _beat_lines(grid)
        faint += beats if len(beats) <= _MAX_FAINT_LINES else ()
        faint += grid.bar_starts if step > 1 else ()
    for places, colour, width in ((faint, BEAT_LINE, 0.8), (strong, BAR_LINE, 1.1)):
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


def draw_piano_roll(
    sheet: Sheet,
    grid: Grid,
    key: Key,
    notes_of: Mapping[str, Sequence[Note]],
    melody: Melody | None,
    match: MelodyMatch | None,
) -> None:
    """Draw filled what the stems play, and framed the melody that was given."""
    played = [(stem, notes_of[stem]) for stem in _shown(notes_of, melody)]
    given = melody.notes if melody else ()
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
    draw_time_lines(sheet, grid, bottom, top)
    for stem, notes in played:
        sheet.boxes(boxes(notes, 0.84), fill=hex_colour(STEM_COLOURS[stem]))
    missed = {each.beat: each.heard for each in match.departures} if match else {}
    met = [note for note in given if float(note.start_beats) not in missed]
    lost = [note for note in given if float(note.start_beats) in missed]
    sheet.boxes(boxes(met, 1.0), frame=GIVEN_COLOUR, width=1.4)
    sheet.boxes(boxes(lost, 1.0), frame=WARNING, width=1.4)
    found = [
        box(note.start_beats, note.end_beats, round(sounding), 0.3)
        for note in lost
        if (sounding := missed[float(note.start_beats)]) is not None and low <= sounding <= high
    ]
    sheet.boxes(found, fill=WARNING)
    sheet.text(0.008, 0.850, "▭ given" if given else "none given", size=9, colour=QUIET)
    if lost:
        sheet.text(0.008, 0.816, "▭ not heard so", size=9, colour=WARNING)
    if played:
        sheet.text(0.008, 0.833, "■ played", size=9, colour=QUIET)


def _shown(notes_of: Mapping[str, Sequence[Note]], melody: Melody | None) -> list[str]:
    """Melody and vocals; the bass, two octaves down, only where it stands alone."""
    stems = [stem for stem in ("melody", "vocals") if notes_of.get(stem)]
    alone = not stems and melody is None and notes_of.get("bass")
    return ["bass"] if alone else stems


def _pitch_range(notes: Sequence[Note]) -> tuple[int, int]:
    pitches = [note.pitch for note in notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    while high - low < _LEAST_SEMITONES:
        low, high = low - 1, high + 1
    return low, high


def draw_waveforms(
    sheet: Sheet, grid: Grid, clips: Mapping[str, Clip], row_names: Mapping[str, str]
) -> None:
    """Draw stems under one another on one scale, so that a quiet stem looks quiet."""
    bottom, top = STEMS_PANE
    height = (top - bottom) / len(clips)
    loudest = max([clip.peak for clip in clips.values()] + [1e-6])
    scale = (height - 0.004) / 2 / (1.04 * loudest)
    edges, x = _columns(grid, next(iter(clips.values())))
    for row, (stem, clip) in enumerate(clips.items()):
        upper = top - row * height
        lower = upper - height + 0.004
        middle = (lower + upper) / 2
        sheet.boxes([(LEFT, RIGHT, lower, upper)], fill=PANE)
        draw_time_lines(sheet, grid, lower, upper)
        colour = hex_colour(STEM_COLOURS[stem])
        lowest, highest, rms = _envelope(clip, edges)
        sheet.lines([((LEFT, middle), (RIGHT, middle))], colour + "80", 0.6)
        sheet.area(x, middle + scale * lowest, middle + scale * highest, colour + "80")
        sheet.area(x, middle - scale * rms, middle + scale * rms, colour)
        name = row_names.get(stem, stem)
        sheet.text(GUTTER, middle, name, size=13, colour=colour, bold=True, align="right")
        level = f"peak {decibels(dbfs(clip.peak))}" if clip.peak > 0 else "silent"
        sheet.text(GUTTER, middle - 0.021, level, size=9, colour=QUIET, align="right")


def _columns(grid: Grid, clip: Clip) -> tuple[npt.NDArray[np.int64], Floats]:
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


def _envelope(clip: Clip, edges: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Lowest and highest sample and RMS of each column, over both channels."""
    lowest = np.minimum.reduceat(clip.samples.min(axis=0), edges).astype(np.float64)
    highest = np.maximum.reduceat(clip.samples.max(axis=0), edges).astype(np.float64)
    power = np.add.reduceat(np.square(clip.samples).mean(axis=0), edges, dtype=np.float64)
    lengths = np.maximum(np.diff(edges, append=clip.frames), 1)
    return lowest, highest, np.sqrt(power / lengths)
