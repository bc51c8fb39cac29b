"""The REAPER projects: a song's stem tracks on a tempo map with their notes, and a split's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from midi.grid import Grid
from midi.melody import Melody
from midi.note import Note
from stems.entries import FileEntry, Section
from stems.files import path_in_job
from stems.palette import NEUTRAL, STEM_COLOURS
from stems.project_items import Origin, item, take_lines, track
from stems.rpp import (
    Chunk,
    bpm_text,
    guid,
    midi_source,
    quoted,
    save,
    seconds_text,
    sound_source,
    tempo_points,
)

_ON_THE_BAR_SECONDS = Fraction(1, 10**9)  # a position that came as a float is a bar within this
SPLIT_BPM = 120  # the tempo of a recording is unknown; this is REAPER's default
PROJECT_RATES = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)


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
    """What project.rpp shows; `start_seconds` is the time of bar 1 of the grid.

    `chords` are the beats at which the first take's change, with their symbols.
    """

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
    tail_seconds: float = 0.0
    chords: tuple[tuple[Fraction, str], ...] = ()

    @property
    def seconds(self) -> Fraction:
        """Length of every item: the whole grid and its tail, in whole frames."""
        frames = self.grid.frames(self.sample_rate) + round(self.tail_seconds * self.sample_rate)
        return Fraction(frames, self.sample_rate)


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
    grid, start = project.grid, project.start_seconds
    tempo, meter = bpm_text(grid.tempo[0].bpm), grid.meter
    points = list(tempo_points(grid, start))
    if len(points) == 1:  # the TEMPO line says as much, and stays editable in the transport bar
        points = []
    span = f"{seconds_text(start)} {seconds_text(start + grid.seconds)}"
    save(path, [
        *_head(project.created),
        "TIMELOCKMODE 1",  # items keep their beat when the tempo is edited
        "TEMPOENVLOCKMODE 1",
        f"SAMPLERATE {project.sample_rate} 1 0",
        f"TEMPO {tempo} {meter.numerator} {meter.denominator}",
        f"CURSOR {seconds_text(start)}",
        f"SELECTION {span}",
        f"SELECTION2 {span}",
        [
            "TEMPOENVEX",
            f"EGUID {guid()}",
            f"ACT {int(bool(points))} -1",  # active, it rules over the TEMPO line
            "VIS 1 0 1", "LANEHEIGHT 0 0", "ARM 0", "DEFSHAPE 1 -1 -1",
            *points,
        ],
        *_regions(project),
        *_chord_markers(project),
        *_stem_tracks(project),
        *_note_tracks(project),
    ])  # fmt: skip


def _head(created: datetime) -> Chunk:
    return [f'REAPER_PROJECT 0.1 "7.0/backline" {int(created.timestamp())}', "RIPPLE 0"]


def _regions(project: Project) -> Iterator[str]:
    grid = project.grid
    for number, section in enumerate(project.sections, 1):
        first, end = (
            seconds_text(project.start_seconds + grid.seconds_at(grid.bar_starts[bar]))
            for bar in (section.first_bar, section.first_bar + section.bars)
        )
        yield f"MARKER {number} {first} {quoted(section.name)} 1 0 1 R {guid()} 0"
        yield f'MARKER {number} {end} "" 1'


def _chord_markers(project: Project) -> Iterator[str]:
    """Markers, which a client in REAPER reads as the chords of the next request."""
    for number, (beat, symbol) in enumerate(project.chords, 1):
        at = seconds_text(project.start_seconds + project.grid.seconds_at(beat))
        yield f"MARKER {number} {at} {quoted(symbol)} 0 0 1 B {guid()} 0"


def _stem_tracks(project: Project) -> Iterator[Chunk]:
    yield track(project.title, NEUTRAL, "1 1")
    for stem in project.stems:
        takes = [
            take_lines(
                _take_name(project, stem, number),
                sound_source(path_in_job(number, stem + project.suffix)),
                take.provenance.get(stem),
            )
            for number, take in enumerate(project.takes, 1)
        ]
        origin = project.origin.of_item(stem) if project.origin else {}
        reports = [each.report for each in project.takes]
        sounds = item(project.start_seconds, project.seconds, takes, origin, reports)
        yield track(stem, STEM_COLOURS[stem], _in_folder(stem, project.stems), sounds)


def _note_tracks(project: Project) -> Iterator[Chunk]:
    """The melody given, and a folded folder of what each stem plays, muted, to be taken over."""
    start, seconds, beats = project.start_seconds, project.seconds, project.grid.beats
    if project.melody is not None:
        given = midi_source(beats, (*project.melody.notes, *project.melody.harmony))
        guide = item(start, seconds, [take_lines("guide melody", given)])
        yield track("guide melody", NEUTRAL, "0 0", guide)
    noted = [stem for stem in project.stems if any(take.notes.get(stem) for take in project.takes)]
    if noted:
        yield track("notes", NEUTRAL, "1 1", folded=True)
    for stem in noted:
        name = f"{stem} notes"
        if any(stem in take.transcribed for take in project.takes):
            name += ", as heard in it"
        channel = 9 if stem == "drums" else 0
        takes = [
            take_lines(
                _take_name(project, stem, number),
                midi_source(beats, take.notes.get(stem, ()), channel),
            )
            for number, take in enumerate(project.takes, 1)
        ]
        played = item(start, seconds, takes, muted=True)
        yield track(name, STEM_COLOURS[stem], _in_folder(stem, noted), played)


def _in_folder(stem: str, stems: Sequence[str]) -> str:
    return "2 -1" if stem == stems[-1] else "0 0"


def _take_name(project: Project, stem: str, number: int) -> str:
    return stem if len(project.takes) == 1 else f"{stem} take {number}"


def write_split_project(
    path: Path,
    origin: Origin,
    reports: Mapping[FileEntry, Sequence[str]],
    *,
    sample_rate: int,
    at_beats: float,
    at_seconds: float,
    offset_seconds: Fraction,
    created: datetime,
) -> None:
    """Write the project of a split: stems in a folder, by their files and what to say of each.

    The sound lies at `at_seconds`, or else at `at_beats` at the project's tempo, and that is
    `offset_seconds` into the stems: they begin with a whole frame. Raises OSError.
    """
    start = Fraction(at_seconds) if at_seconds else Fraction(at_beats) * 60 / SPLIT_BPM
    names = [str(entry.stem) for entry in reports]
    tracks = []
    for name, (entry, report) in zip(names, reports.items(), strict=True):
        made = origin.of_take(1, 0, entry.sha256)
        take = take_lines(name, sound_source(entry.path), made, offset_seconds)
        length = Fraction(entry.frames, sample_rate) - offset_seconds
        sound = item(start, length, [take], origin.of_item(name), [report])
        tracks.append(track(name, STEM_COLOURS[name], _in_folder(name, names), sound))
    save(path, [
        *_head(created),
        "TIMELOCKMODE 0",  # items keep their time when the tempo is found and set
        *([f"SAMPLERATE {sample_rate} 1 0"] if sample_rate in PROJECT_RATES else []),
        f"TEMPO {SPLIT_BPM} 4 4",
        f"CURSOR {seconds_text(start)}",
        track(origin.title, NEUTRAL, "1 1"),
        *tracks,
    ])  # fmt: skip
