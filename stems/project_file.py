"""The REAPER project: a folder of stem tracks on a tempo map, with the notes beside them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

from midi.grid import Grid, Meter
from midi.melody import Melody
from midi.note import Note
from stems.files import wav_path
from stems.palette import NEUTRAL, STEM_COLOURS
from stems.rpp import RppLines, bpm_text, guid, quoted, seconds_text
from stems.sections import Section

TICKS_PER_BEAT = 960
_ON_THE_BAR_SECONDS = Fraction(1, 10**9)  # a position that came as a float is a bar within this


@dataclass(frozen=True, slots=True)
class Project:
    """What project.rpp shows: of each take the notes by stem (may be empty).

    `start_seconds` is where bar 1 of the grid lies.
    """

    title: str
    grid: Grid
    sample_rate: int
    stems: tuple[str, ...]
    takes: tuple[Mapping[str, tuple[Note, ...]], ...]
    melody: Melody | None
    sections: tuple[Section, ...]
    start_seconds: Fraction
    created: datetime


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
        _write_track(lines, "guide melody", NEUTRAL, "0 0")
        _write_item(lines, project, [("guide melody", _midi_source(project, given))])
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
    points = list(_tempo_points(project))
    if len(points) == 1:  # the TEMPO line says as much, and stays editable in the transport bar
        points = []
    lines.open("TEMPOENVEX")
    lines.add(f"EGUID {guid()}")
    lines.add(f"ACT {int(bool(points))} -1")  # active, it rules over the TEMPO line
    lines.add("VIS 1 0 1", "LANEHEIGHT 0 0", "ARM 0", "DEFSHAPE 1 -1 -1")
    lines.add(*points)
    lines.close()


def _tempo_points(project: Project) -> Iterator[str]:
    """PT lines; bars before a later start keep the first tempo and meter."""
    grid, start = project.grid, project.start_seconds
    meters = {grid.bar_starts[change.bar]: change.meter for change in grid.meters}
    bar_seconds = grid.meter.beats * 60 / grid.tempo[0].bpm
    start_is_a_bar = start % bar_seconds == 0
    if start > 0:
        yield _point(Fraction(0), grid.tempo[0].bpm, False, grid.meter)
    for beat in sorted({point.beat for point in grid.tempo} | meters.keys()):
        index = bisect_right(grid.tempo, beat, key=lambda point: point.beat) - 1
        rule = grid.tempo[index]
        ramp = rule.ramp and index + 1 < len(grid.tempo)
        if beat == 0 and start > 0 and start_is_a_bar and not ramp:
            continue  # nothing begins here that the point at 0 has not begun
        bpm = rule.bpm if beat == rule.beat else Fraction(grid.bpm_at(beat))
        cut = beat == 0 and not start_is_a_bar
        yield _point(start + grid.seconds_at(beat), bpm, ramp, meters.get(beat), cut)


def _point(
    seconds: Fraction, bpm: Fraction, ramp: bool, meter: Meter | None, cut: bool = False
) -> str:
    """Seconds, bpm, shape (0 ramps linearly in time, 1 holds), then the meter and its flags.

    Flag 1 sets the meter; flag 4 (`cut`) lets the bar before it be shorter than its meter.
    """
    point = f"PT {seconds_text(seconds)} {bpm_text(bpm)} {0 if ramp else 1}"
    if meter is None:
        return point
    return f"{point} {meter.numerator + 65536 * meter.denominator} 0 {5 if cut else 1}"


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
    _write_track(lines, project.title, NEUTRAL, "1 1")
    lines.close()
    for stem in project.stems:
        last = stem == project.stems[-1]
        _write_track(lines, stem, STEM_COLOURS[stem], "2 -1" if last else "0 0")
        takes = [
            (_take_name(project, stem, number), _wave_source(wav_path(stem, number)))
            for number in range(1, len(project.takes) + 1)
        ]
        _write_item(lines, project, takes)
        lines.close()


def _write_note_tracks(lines: RppLines, project: Project) -> None:
    """Write a folded folder of what each stem plays, muted, to be taken over by hand."""
    noted = [stem for stem in project.stems if any(notes.get(stem) for notes in project.takes)]
    if not noted:
        return
    _write_track(lines, "notes", NEUTRAL, "1 1", folded=True)
    lines.close()
    for stem in noted:
        _write_track(
            lines, f"{stem} notes", STEM_COLOURS[stem], "2 -1" if stem == noted[-1] else "0 0"
        )
        channel = 9 if stem == "drums" else 0
        takes = [
            (_take_name(project, stem, number), _midi_source(project, notes.get(stem, ()), channel))
            for number, notes in enumerate(project.takes, 1)
        ]
        _write_item(lines, project, takes, muted=True)
        lines.close()


def _write_track(
    lines: RppLines, name: str, colour: tuple[int, int, int], folder: str, *, folded: bool = False
) -> None:
    red, green, blue = colour
    lines.open(f"TRACK {guid()}")
    lines.add(f"NAME {quoted(name)}")
    lines.add(f"PEAKCOL {0x1000000 | red | green << 8 | blue << 16}")
    lines.add("BEAT -1", "VOLPAN 1 0 -1 -1 1", "MUTESOLO 0 0 0")
    lines.add(f"ISBUS {folder}")  # 1 1 opens a folder, 2 -1 is the last in it
    lines.add(f"BUSCOMP {2 if folded else 0} 0 0 0 0")
    lines.add("NCHAN 2", "FX 1", "MAINSEND 1 0")


def _write_item(
    lines: RppLines,
    project: Project,
    takes: Sequence[tuple[str, Sequence[str]]],
    *,
    muted: bool = False,
) -> None:
    """Write one item over the whole grid, each take a name and the lines of its source."""
    frames = project.grid.frames(project.sample_rate)
    lines.open("ITEM")
    lines.add(f"POSITION {seconds_text(project.start_seconds)}")
    lines.add("SNAPOFFS 0")
    lines.add(f"LENGTH {seconds_text(Fraction(frames, project.sample_rate))}")
    lines.add("LOOP 0", "ALLTAKES 0", "FADEIN 1 0 0 1 0 0 0", "FADEOUT 1 0 0 1 0 0 0")
    lines.add(f"MUTE {int(muted)} 0")
    lines.add("SEL 0")
    lines.add(f"IGUID {guid()}")
    for number, (name, source) in enumerate(takes):
        if number:
            lines.add("TAKE")
        lines.add(f"NAME {quoted(name)}")
        lines.add("VOLPAN 1 0 1 -1", "SOFFS 0", "PLAYRATE 1 1 0 -1 0 0.0025", "CHANMODE 0")
        lines.add(f"GUID {guid()}")
        lines.open(source[0])
        lines.add(*source[1:])
        lines.close()
    lines.close()


def _wave_source(path: str) -> list[str]:
    return ["SOURCE WAVE", f"FILE {quoted(path)}"]


def _midi_source(project: Project, notes: Iterable[Note], channel: int = 0) -> list[str]:
    """Events as `E ticks-since-the-last status data data`; all notes off marks the end."""
    events = []
    for start, end, note in _spans(notes):
        events.append((start, 1, f"{0x90 | channel:02x} {note.pitch:02x} {note.velocity:02x}"))
        events.append((end, 0, f"{0x80 | channel:02x} {note.pitch:02x} 00"))
    events.sort()  # at the same tick a note ends before the next one starts
    end_ticks = max([_ticks(project.grid.beats), *(ticks for ticks, _, _ in events)])
    events.append((end_ticks, 2, f"{0xB0 | channel:02x} 7b 00"))
    source = ["SOURCE MIDI", f"HASDATA 1 {TICKS_PER_BEAT} QN", f"POOLEDEVTS {guid()}"]
    now = 0
    for ticks, _, message in events:
        source.append(f"E {ticks - now} {message}")
        now = ticks
    return source


def _spans(notes: Iterable[Note]) -> Iterator[tuple[int, int, Note]]:
    """Start and end in ticks; a note ends at the latest where its pitch is struck again."""
    ordered = sorted(notes, key=lambda note: (note.pitch, note.start_beats))
    for note, following in zip_longest(ordered, ordered[1:]):
        start, end = _ticks(note.start_beats), _ticks(note.end_beats)
        end = max(end, start + 1)
        if following is not None and following.pitch == note.pitch:
            end = min(end, _ticks(following.start_beats))
        if start < end:  # else struck twice at once: the later stroke stands
            yield start, end, note


def _take_name(project: Project, stem: str, number: int) -> str:
    return stem if len(project.takes) == 1 else f"{stem} take {number}"


def _ticks(beats: Fraction) -> int:
    return round(beats * TICKS_PER_BEAT)
