"""The REAPER project: a folder of stem tracks on a tempo map, with the notes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from midi.grid import Grid
from midi.melody import Melody
from midi.note import Note
from stems.files import wav_path
from stems.midi_source import midi_source
from stems.palette import NEUTRAL, STEM_COLOURS
from stems.project_items import ItemTake, Place, sound_source, write_item, write_track
from stems.provenance import Origin
from stems.rpp import RppLines, bpm_text, guid, quoted, seconds_text
from stems.sections import Section
from stems.tempo_points import tempo_points

_ON_THE_BAR_SECONDS = Fraction(1, 10**9)  # a position that came as a float is a bar within this


@dataclass(frozen=True, slots=True)
class ProjectTake:
    """What project.rpp shows of one take, its sound aside; each may be empty.

    `notes` is what the stems play, `provenance` JSON-able facts of each stem's file, `report`
    what was measured, in lines; `transcribed` are the stems whose notes come from their sound.
    """

    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    report: tuple[str, ...] = ()
    transcribed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """What project.rpp shows; `start_seconds` is the time of bar 1 of the grid."""

    title: str
    grid: Grid
    sample_rate: int
    stems: tuple[str, ...]
    takes: tuple[ProjectTake, ...]
    melody: Melody | None
    sections: tuple[Section, ...]
    start_seconds: Fraction
    created: datetime
    origin: Origin | None = None
    suffix: str = ".wav"  # of the sound files

    @property
    def place(self) -> Place:
        """Of every item: the whole grid, in whole frames."""
        frames = self.grid.frames(self.sample_rate)
        return Place(self.start_seconds, Fraction(frames, self.sample_rate))


def start_seconds(grid: Grid, at_beats: float = 0, at_seconds: float = 0) -> Fraction:
    """Time of bar 1 in the user's project: `at_seconds`, or else `at_beats` at the first tempo.

    A time within a nanosecond of a bar line of the first tempo and meter is that bar line.
    """
    first = grid.tempo[0].bpm
    start = Fraction(at_seconds) if at_seconds else Fraction(at_beats) * 60 / first
    bar = grid.meter.beats * 60 / first
    nearest = round(start / bar) * bar
    return nearest if abs(start - nearest) <= _ON_THE_BAR_SECONDS else start


def write_project(path: Path, project: Project) -> None:
    """Write the project; its media paths are relative to it. Raises OSError."""
    lines = RppLines()
    _write_head(lines, project)
    _write_tempo(lines, project)
    _write_regions(lines, project)
    _write_stem_tracks(lines, project)
    if project.melody is not None:
        given = (*project.melody.notes, *project.melody.harmony)
        write_track(lines, "guide melody", NEUTRAL, "0 0")
        source = midi_source(project.grid.beats, given)
        write_item(lines, project.place, [ItemTake("guide melody", source)])
        lines.close()
    _write_note_tracks(lines, project)
    lines.close()
    lines.save(path)


def _write_head(lines: RppLines, project: Project) -> None:
    grid = project.grid
    end = project.start_seconds + grid.seconds
    lines.open(f'REAPER_PROJECT 0.1 "7.0/backline" {int(project.created.timestamp())}')
    lines.add("RIPPLE 0")
    lines.add("TIMELOCKMODE 1")  # items keep their beat when the tempo is edited
    lines.add("TEMPOENVLOCKMODE 1")
    lines.add(f"SAMPLERATE {project.sample_rate} 1 0")
    lines.add(
        f"TEMPO {bpm_text(grid.tempo[0].bpm)} {grid.meter.numerator} {grid.meter.denominator}"
    )
    lines.add(f"CURSOR {seconds_text(project.start_seconds)}")
    for key in ("SELECTION", "SELECTION2"):
        lines.add(f"{key} {seconds_text(project.start_seconds)} {seconds_text(end)}")


def _write_tempo(lines: RppLines, project: Project) -> None:
    points = list(tempo_points(project.grid, project.start_seconds))
    if len(points) == 1:  # the TEMPO line says as much, and stays editable in the transport bar
        points = []
    lines.open("TEMPOENVEX")
    lines.add(f"EGUID {guid()}")
    lines.add(f"ACT {int(bool(points))} -1")  # active, it rules over the TEMPO line
    lines.add("VIS 1 0 1", "LANEHEIGHT 0 0", "ARM 0", "DEFSHAPE 1 -1 -1")
    lines.add(*points)
    lines.close()


def _write_regions(lines: RppLines, project: Project) -> None:
    grid = project.grid
    for number, section in enumerate(project.sections, 1):
        first = grid.bar_starts[section.first_bar]
        end = grid.bar_starts[section.first_bar + section.bars]
        first_seconds = seconds_text(project.start_seconds + grid.seconds_at(first))
        end_seconds = seconds_text(project.start_seconds + grid.seconds_at(end))
        lines.add(f"MARKER {number} {first_seconds} {quoted(section.name)} 1 0 1 R {guid()} 0")
        lines.add(f'MARKER {number} {end_seconds} "" 1')


def _write_stem_tracks(lines: RppLines, project: Project) -> None:
    write_track(lines, project.title, NEUTRAL, "1 1")
    lines.close()
    for stem in project.stems:
        last = stem == project.stems[-1]
        write_track(lines, stem, STEM_COLOURS[stem], "2 -1" if last else "0 0")
        takes = [
            ItemTake(
                _take_name(project, stem, number),
                sound_source(wav_path(stem, number, project.suffix)),
                take.provenance.get(stem, {}),
            )
            for number, take in enumerate(project.takes, 1)
        ]
        origin = project.origin.of_item(stem) if project.origin else {}
        write_item(lines, project.place, takes, origin, [each.report for each in project.takes])
        lines.close()


def _write_note_tracks(lines: RppLines, project: Project) -> None:
    """Write a folded folder of what each stem plays, muted, to be taken over by hand."""
    noted = [stem for stem in project.stems if any(take.notes.get(stem) for take in project.takes)]
    if not noted:
        return
    write_track(lines, "notes", NEUTRAL, "1 1", folded=True)
    lines.close()
    for stem in noted:
        name = f"{stem} notes"
        if any(stem in take.transcribed for take in project.takes):
            name += ", as heard in it"
        write_track(lines, name, STEM_COLOURS[stem], "2 -1" if stem == noted[-1] else "0 0")
        channel = 9 if stem == "drums" else 0
        takes = [
            ItemTake(
                _take_name(project, stem, number),
                midi_source(project.grid.beats, take.notes.get(stem, ()), channel),
            )
            for number, take in enumerate(project.takes, 1)
        ]
        write_item(lines, project.place, takes, muted=True)
        lines.close()


def _take_name(project: Project, stem: str, number: int) -> str:
    return stem if len(project.takes) == 1 else f"{stem} take {number}"
