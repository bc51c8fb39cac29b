"""The picture of a take: notes over the bars, the stems under them, and what was measured.

All panes share one axis in beats, so a bar is as wide everywhere as it is long, tempo map or
not. Drawn on an Agg canvas of its own, without pyplot and its global state: any thread may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from audio.clip import Clip
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note
from stems.palette import STEM_COLOURS, hex_colour
from stems.sections import Section
from stems.stem_set import NULL_FLOOR_DBFS, dbfs
from stems.take import Take

WIDTH_PX, HEIGHT_PX, DPI = 1600, 1000, 100
LEFT, RIGHT = 0.075, 0.98  # the time axis, in fractions of the picture's width
BEATS_BOTTOM, BEATS_TOP = 0.548, 0.572
BACKGROUND, PANE, SCALE_ROW = "#15171c", "#1b1e25", "#232732"
BEAT_LINE, BAR_LINE = "#262a34", "#3d4452"
TEXT, QUIET, WARNING = "#eceef3", "#98a0b0", "#f4b860"
MELODY_COLOUR, BEAT_COLOUR = "#fdf6e3", "#ffffff"

_MAX_BEAT_LINES = 160  # more would be a grey area
_MAX_LABELS = 24
_LEAST_SEMITONES = 14
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


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


def draw_overview(path: Path, picture: Overview) -> None:
    """Write a PNG of 1600 x 1000 pixels; raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, facecolor=BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    _draw_heading(figure, picture)
    _draw_piano_roll(_pane(figure, picture, 0.585, 0.865), picture)
    _draw_ruler(figure, picture)
    _draw_beats(_pane(figure, picture, BEATS_BOTTOM, BEATS_TOP), picture)
    _draw_stems(figure, picture, 0.135, 0.535)
    _draw_measurements(figure, picture)
    with path.open("wb") as file:
        canvas.print_png(file)


def _pane(figure: Any, picture: Overview, bottom: float, top: float) -> Any:
    """An empty pane on the common time axis, with its bar and beat lines."""
    pane = figure.add_axes((LEFT, bottom, RIGHT - LEFT, top - bottom), facecolor=PANE)
    grid = picture.grid
    pane.set_xlim(0.0, float(grid.beats))
    pane.set_xticks([])
    pane.set_yticks([])
    for side in pane.spines.values():
        side.set_visible(False)
    beats = _beat_lines(grid)
    if len(beats) <= _MAX_BEAT_LINES:
        _upright_lines(pane, beats, BEAT_LINE, 0.8)
    _upright_lines(pane, grid.bar_starts, BAR_LINE, 1.1)
    return pane


def _beat_lines(grid: Grid) -> list[Fraction]:
    """Beats as the meter counts them (eighths in 7/8), without the bar lines."""
    lines = []
    for bar, start in enumerate(grid.bar_starts[:-1]):
        meter = grid.meter_at_bar(bar)
        unit = Fraction(4, meter.denominator)
        lines += [start + n * unit for n in range(1, meter.numerator)]
    return lines


def _upright_lines(pane: Any, beats: Sequence[Fraction], colour: str, width: float) -> None:
    """Lines from bottom to top of a pane, whatever its scale is."""
    pane.vlines(
        [float(beat) for beat in beats], 0, 1, colors=colour, linewidths=width,
        transform=pane.get_xaxis_transform(), zorder=1,
    )  # fmt: skip


def _draw_heading(figure: Any, picture: Overview) -> None:
    grid = picture.grid
    bpms = sorted({float(point.bpm) for point in grid.tempo})
    tempo = f"{bpms[0]:g} BPM" if len(bpms) == 1 else f"{bpms[0]:g}–{bpms[-1]:g} BPM"
    meters = ", ".join(dict.fromkeys(str(change.meter) for change in grid.meters))
    bars = f"{grid.bars} bar{'s' if grid.bars > 1 else ''}"
    facts = (tempo, picture.key.name, meters, bars, f"{float(grid.seconds):.2f} s")
    _write(figure, LEFT, 0.945, _drawable(picture.title)[:90], size=21, weight="bold")
    _write(figure, RIGHT, 0.947, "   ·   ".join(facts), size=15, ha="right", colour=QUIET)


def _draw_ruler(figure: Any, picture: Overview) -> None:
    """Sections and bar numbers over the piano roll, minutes and seconds under the stems."""
    grid = picture.grid
    step = 1
    while grid.bars / step > _MAX_LABELS:
        step *= 2
    for bar in range(0, grid.bars, step):
        x = _x(grid, grid.bar_starts[bar])
        _write(figure, x + 0.002, 0.871, str(bar + 1), size=11, colour=TEXT)
        minutes, seconds = divmod(float(grid.seconds_at(grid.bar_starts[bar])), 60)
        if grid.bars / step <= _MAX_LABELS / 2 or bar % (2 * step) == 0:
            _write(figure, x, 0.117, f"{minutes:.0f}:{seconds:05.2f}", size=9, colour=QUIET)
    _write(figure, LEFT - 0.008, 0.871, "bar", size=9, colour=QUIET, ha="right")
    _write(figure, LEFT - 0.008, 0.117, "time", size=9, colour=QUIET, ha="right")
    for section in picture.sections:
        first = grid.bar_starts[section.first_bar]
        end = grid.bar_starts[section.first_bar + section.bars]
        left, right = _x(grid, first), _x(grid, end)
        _write_patch(figure, left + 0.001, 0.893, right - left - 0.002, 0.024, SCALE_ROW)
        _write(figure, left + 0.007, 0.899, _drawable(section.name), size=11, colour=TEXT)


def _draw_piano_roll(pane: Any, picture: Overview) -> None:
    layers = list(_note_layers(picture))
    pitches = [note.pitch for _, _, notes in layers for note in notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    while high - low < _LEAST_SEMITONES:
        low, high = low - 1, high + 1
    pane.set_ylim(low - 0.5, high + 0.5)
    end = float(picture.grid.beats)
    rows = [p for p in range(low, high + 1) if p % 12 in picture.key.pitch_classes]
    pane.barh(rows, end, height=1.0, color=SCALE_ROW, zorder=0)
    tonics = [pitch for pitch in rows if pitch % 12 == picture.key.tonic]
    pane.hlines(tonics, 0, end, colors=BAR_LINE, linewidths=1.0, zorder=1)
    pane.set_yticks(tonics, [f"{picture.key.spelling}{pitch // 12 - 1}" for pitch in tonics])
    pane.tick_params(axis="y", length=0, pad=6, labelsize=10, labelcolor=QUIET)
    for colour, height, notes in layers:
        pane.barh(
            [note.pitch for note in notes],
            [float(note.length_beats) for note in notes],
            left=[float(note.start_beats) for note in notes],
            height=height, color=colour, edgecolor=PANE, linewidth=0.6, zorder=3,
        )  # fmt: skip
    if picture.melody is None:
        pane.text(
            0.995, 0.94, "no melody given", transform=pane.transAxes, ha="right", va="top",
            color=QUIET, fontsize=10, family="DejaVu Sans",
        )  # fmt: skip


def _note_layers(picture: Overview) -> Iterator[tuple[str, float, Sequence[Note]]]:
    """Colour, height in semitones and notes: what the stems play, and on it the given melody."""
    for stem, notes in picture.take.notes.items():
        if stem != "drums" and notes:
            yield hex_colour(STEM_COLOURS[stem]) + "b0", 0.9, notes
    if picture.melody is not None:
        if picture.melody.harmony:
            yield MELODY_COLOUR + "60", 0.4, picture.melody.harmony
        yield MELODY_COLOUR, 0.4, picture.melody.notes


def _draw_beats(pane: Any, picture: Overview) -> None:
    """Measured beats as bright marks over the lines of the grid."""
    grid = picture.grid
    measured = _numbers(picture.take.report, "beats_seconds")
    beats = [float(grid.beat_at(seconds)) for seconds in measured]
    pane.set_ylim(0.0, 1.0)
    pane.vlines(beats, 0.1, 0.9, colors=BEAT_COLOUR, linewidths=2.0, zorder=3)
    label = "beats heard" if beats else "no beats heard"
    _write(pane.figure, LEFT - 0.008, BEATS_BOTTOM + 0.007, label, size=9, colour=QUIET, ha="right")


def _draw_stems(figure: Any, picture: Overview, bottom: float, top: float) -> None:
    """Waveforms under one another on one scale, so that a quiet stem looks quiet."""
    clips = picture.take.stem_set.clips
    scale = max([clip.peak for clip in clips.values()] + [1e-6])
    height = (top - bottom) / len(clips)
    edges, centres = _columns(picture.grid, next(iter(clips.values())))
    for row, (stem, clip) in enumerate(clips.items()):
        lane_top = top - row * height
        pane = _pane(figure, picture, lane_top - height + 0.004, lane_top)
        pane.set_ylim(-1.04 * scale, 1.04 * scale)
        lowest, highest, rms = _envelope(clip, edges)
        colour = hex_colour(STEM_COLOURS[stem])
        pane.axhline(0.0, color=colour, linewidth=0.6, alpha=0.5, zorder=2)
        pane.fill_between(centres, lowest, highest, color=colour, alpha=0.5, lw=0, zorder=2)
        pane.fill_between(centres, -rms, rms, color=colour, lw=0, zorder=3)
        middle = lane_top - height / 2
        _write(
            figure, LEFT - 0.008, middle, stem, size=13, weight="bold", ha="right", colour=colour
        )
        level = f"peak {_decibels(dbfs(clip.peak))}" if clip.peak > 0 else "silent"
        _write(figure, LEFT - 0.008, middle - 0.021, level, size=9, ha="right", colour=QUIET)


def _columns(grid: Grid, clip: Clip) -> tuple[Any, Any]:
    """First frame and middle (in beats) of each pixel column of the time axis."""
    count = round(WIDTH_PX * (RIGHT - LEFT))
    beats = [grid.beats * column / count for column in range(count)]
    frames = [min(grid.frame_at(beat, clip.sample_rate), clip.frames - 1) for beat in beats]
    return np.array(frames), (np.arange(count) + 0.5) * (float(grid.beats) / count)


def _envelope(clip: Clip, edges: Any) -> tuple[Any, Any, Any]:
    """Lowest and highest sample and RMS of each column, over both channels."""
    lowest = np.minimum.reduceat(clip.samples.min(axis=0), edges)
    highest = np.maximum.reduceat(clip.samples.max(axis=0), edges)
    power = np.add.reduceat(np.square(clip.samples, dtype=np.float64).mean(axis=0), edges)
    lengths = np.maximum(np.diff(edges, append=clip.frames), 1)
    return lowest, highest, np.sqrt(power / lengths)


def _draw_measurements(figure: Any, picture: Overview) -> None:
    cells = list(_measurements(picture))
    width = (RIGHT - LEFT) / len(cells)
    _write(figure, LEFT - 0.008, 0.042, "measured", size=13, weight="bold", ha="right")
    for column, (name, value, remark, fine) in enumerate(cells):
        x = LEFT + column * width
        _write(figure, x, 0.067, name, size=9, colour=QUIET)
        _write(figure, x, 0.041, value, size=14, weight="bold", colour=TEXT if fine else WARNING)
        _write(figure, x, 0.020, remark, size=9, colour=QUIET if fine else WARNING)


def _measurements(picture: Overview) -> Iterator[tuple[str, str, str, bool]]:
    """Name, value, remark, and whether it is as asked, of each figure in the footer."""
    report = picture.take.report
    bpm, error = _number(report, "bpm"), _number(report, "bpm_error_percent")
    relation = str(report.get("octave_relation") or "1")
    if bpm is None:
        yield "tempo", "not heard", "too few onsets", False
    else:
        remark = f"{_signed(error or 0.0, 2)} % of the tempo asked"
        if relation != "1":
            remark = f"{relation} of the tempo asked"
        yield "tempo", f"{bpm:.2f} BPM", remark, relation == "1"
    offset = _number(report, "beat_offset_ms")
    heard = "not heard" if offset is None else f"{_signed(offset, 1)} ms"
    yield "beats", heard, "median off the grid", offset is not None
    key, relation = report.get("key"), str(report.get("key_relation") or "")
    remark = "as asked" if relation == "same" else f"{relation or 'other'} of {picture.key.name}"
    yield "key", str(key or "not heard"), remark if key else "", relation == "same"
    mix = picture.take.stem_set.mix
    yield "peak of the mix", f"{_decibels(dbfs(mix.peak))}FS", "sample peak", True
    asked = picture.grid.frames(mix.sample_rate)
    exact = mix.frames == asked
    remark = f"frames at {mix.sample_rate} Hz, " + ("as the grid" if exact else f"grid {asked}")
    yield "length", f"{mix.frames:,}".replace(",", " "), remark, exact
    if picture.null_dbfs is not None:
        nothing = picture.null_dbfs <= NULL_FLOOR_DBFS
        value = "nothing" if nothing else f"{_decibels(picture.null_dbfs, 0)}FS"
        yield "mix minus stems", value, "peak of what is left", picture.null_dbfs <= -100.0


def _write(
    figure: Any, x: float, y: float, text: str, *, size: float, colour: str = TEXT,
    weight: str = "normal", ha: str = "left",
) -> None:  # fmt: skip
    figure.text(
        x, y, text, fontsize=size, color=colour, weight=weight, ha=ha, va="baseline",
        family="DejaVu Sans", parse_math=False,
    )  # fmt: skip


def _write_patch(
    figure: Any, left: float, bottom: float, width: float, height: float, colour: str
) -> None:
    from matplotlib.patches import Rectangle

    figure.add_artist(Rectangle((left, bottom), width, height, color=colour, lw=0))


def _x(grid: Grid, beat: Fraction) -> float:
    """Where a beat lies across the picture, 0..1."""
    return LEFT + (RIGHT - LEFT) * float(beat / grid.beats)


def _drawable(text: str) -> str:
    """Users' words with what the bundled font cannot draw replaced, rather than warned about."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()
    line = " ".join(text.split())
    return "".join(each if ord(each) in known else "?" for each in line)


def _number(report: Mapping[str, object], name: str) -> float | None:
    value = report.get(name)
    return float(value) if isinstance(value, int | float) else None


def _numbers(report: Mapping[str, object], name: str) -> list[float]:
    values = report.get(name)
    return [float(each) for each in values] if isinstance(values, list | tuple) else []


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _decibels(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f} dB".replace("-", "−")
