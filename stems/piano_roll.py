"""The pane of the picture that shows notes over the bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from audio.report import MelodyMatch
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note
from stems.palette import (
    BAR_LINE,
    GIVEN_COLOUR,
    PANE,
    QUIET,
    SCALE_ROW,
    STEM_COLOURS,
    WARNING,
    hex_colour,
)
from stems.sheet import Box, Sheet
from stems.time_axis import GUTTER, LEFT, RIGHT, draw_time_lines, x_of

ROLL = (0.585, 0.865)  # bottom and top
_LEAST_SEMITONES = 14


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
