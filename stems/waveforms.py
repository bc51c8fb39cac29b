"""The pane of the picture that shows the stems' waveforms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.decibels import dbfs
from midi.grid import Grid
from stems.findings import decibels
from stems.palette import PANE, QUIET, STEM_COLOURS, hex_colour
from stems.sheet import Sheet
from stems.time_axis import GUTTER, LEFT, RIGHT, WIDTH_PX, draw_time_lines

STEMS_PANE = (0.135, 0.535)  # bottom and top
_KNOTS = 256  # exact times along the axis; between them (6 pixels) time is taken as linear


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
