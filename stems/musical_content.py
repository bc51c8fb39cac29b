"""The notes and chords of a finished job, read back from its files: for exports to other DAWs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from midi.chords import NO_CHORD, Chord
from midi.errors import MidiError
from midi.grid import Grid
from midi.lead_sheet_file import JSON_NAME, read_sheet
from midi.note import Note
from midi.smf import DRUM_CHANNEL, read_smf
from stems.errors import StemError
from stems.manifest import Manifest

TICKS_A_BEAT = 960  # chords lie on such; the lead sheet holds them as floats


@dataclass(frozen=True, slots=True)
class StemNotes:
    """What one take of a stem plays: the name of its track, its MIDI file, and the notes in it."""

    name: str
    stem: str
    take: int
    path: str
    notes: tuple[Note, ...]

    @property
    def channel(self) -> int:
        """Return the channel General MIDI has for it, from 0."""
        return DRUM_CHANNEL if self.stem == "drums" else 0


def stem_notes(folder: Path, manifest: Manifest) -> Iterator[StemNotes]:
    """Give the notes of each stem of each take that has any; raises StemError naming the file."""
    for take in manifest.takes:
        for stem in manifest.stems:
            for entry in manifest.files:
                if (entry.role, entry.stem, entry.take) != ("notes", stem, take.take):
                    continue
                name = f"{stem} notes" + (f" take {take.take}" if take.take > 1 else "")
                try:
                    score = read_smf(folder / entry.path)
                except MidiError as error:
                    raise StemError(f"{entry.path} of the job cannot be read: {error}") from error
                notes = (*score.notes, *score.drums)
                if notes:
                    yield StemNotes(name, stem, take.take, entry.path, notes)


def chord_marks(folder: Path, manifest: Manifest, grid: Grid) -> list[tuple[Fraction, str]]:
    """Return the beat and symbol of each chord of the first take, where the job has a lead sheet.

    Raises StemError naming the file.
    """
    first = manifest.takes[0].take if manifest.takes else 1
    for entry in manifest.files:
        if (entry.role, entry.take) == ("plan", first) and Path(entry.path).name == JSON_NAME:
            try:
                sheet, _ = read_sheet(folder / entry.path, grid)
            except MidiError as error:
                raise StemError(f"{entry.path} of the job cannot be read: {error}") from error
            return list(marks_of(sheet.chords, grid))
    return []


def marks_of(chords: Sequence[Chord], grid: Grid) -> Iterator[tuple[Fraction, str]]:
    """Give the beat and symbol of each change; a gap between two chords is one of its own."""
    end, last = Fraction(0), ""
    for chord in chords:
        start = _beat(chord.start_beats)
        if last and last != NO_CHORD and start > end:
            last = NO_CHORD
            yield end, last
        if start < grid.beats and chord.symbol != last:
            last = chord.symbol
            yield start, last
        end = _beat(chord.end_beats)
    if last and last != NO_CHORD and end < grid.beats:
        yield end, NO_CHORD


def _beat(beats: float) -> Fraction:
    return Fraction(beats).limit_denominator(TICKS_A_BEAT)
