"""The REAPER project of a split: stems in a folder track, at the place of their sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from stems.palette import NEUTRAL, STEM_COLOURS
from stems.project_items import ItemTake, Place, sound_source, write_item, write_track
from stems.provenance import Origin
from stems.rpp import RppLines, seconds_text

BPM = 120  # the tempo of a recording is unknown; this is REAPER's default
PROJECT_RATES = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)


@dataclass(frozen=True, slots=True)
class SplitStem:
    """A stem's file, its path from the project and its hash, and the lines of its report."""

    path: str
    sha256: str
    report: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitProject:
    """What project.rpp shows of a split; `stems` are in the order of their tracks.

    The sound lies at `start_seconds`, and that is `offset_seconds` into the stems: they begin with
    a whole frame.
    """

    origin: Origin
    stems: Mapping[str, SplitStem]
    sample_rate: int
    frames: int
    start_seconds: Fraction
    offset_seconds: Fraction
    created: datetime


def start_of_sound(at_beats: float, at_seconds: float) -> Fraction:
    """Time of the sound in the project, `at_seconds`, or else `at_beats` at the project's tempo."""
    return Fraction(at_seconds) if at_seconds else Fraction(at_beats) * 60 / BPM


def write_split_project(path: Path, project: SplitProject) -> None:
    """Write the project; its media paths are relative to it. Raises OSError."""
    length = Fraction(project.frames, project.sample_rate) - project.offset_seconds
    place = Place(project.start_seconds, length)
    lines = RppLines()
    lines.open(f'REAPER_PROJECT 0.1 "7.0/backline" {int(project.created.timestamp())}')
    lines.add("RIPPLE 0")
    lines.add("TIMELOCKMODE 0")  # items keep their time when the tempo is found and set
    if project.sample_rate in PROJECT_RATES:
        lines.add(f"SAMPLERATE {project.sample_rate} 1 0")
    lines.add(f"TEMPO {BPM} 4 4")
    lines.add(f"CURSOR {seconds_text(place.start_seconds)}")
    write_track(lines, project.origin.title, NEUTRAL, "1 1")
    lines.close()
    for name, stem in project.stems.items():
        is_last = name == tuple(project.stems)[-1]
        write_track(lines, name, STEM_COLOURS[name], "2 -1" if is_last else "0 0")
        take = ItemTake(
            name, sound_source(stem.path), project.origin.of_take(1, 0, stem.sha256),
            project.offset_seconds,
        )  # fmt: skip
        write_item(lines, place, [take], project.origin.of_item(name), [stem.report])
        lines.close()
    lines.close()
    lines.save(path)
