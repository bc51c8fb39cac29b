"""Delivery: all files of a finished job, in one folder, under one manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from audio.stem_names import STEMS
from diffusion.facts import EngineDescription
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from stems.chunks import music_of, tags_of
from stems.consistency import silent_stems
from stems.entries import (
    FileEntry,
    GridEntry,
    KeyEntry,
    MelodyEntry,
    PositionEntry,
    TakeEntry,
    sections_of,
)
from stems.errors import StemError
from stems.files import DEFAULT_FORMAT, MIX, sound_format, write_take
from stems.findings import as_lines, findings
from stems.manifest import MANIFEST_NAME, Manifest, describe_file, write_manifest
from stems.musical_content import marks_of
from stems.overview import Overview, draw_overview
from stems.project_file import Project, ProjectTake, start_seconds, write_project
from stems.project_items import Origin, Setting
from stems.staging import plain_disk_errors, publish, staging
from stems.stem_set import Take
from stems.version import backline_version

PROJECT_NAME = "project.rpp"
OVERVIEW_NAME = "overview.png"


def deliver(
    out_dir: Path,
    *,
    request: Mapping[str, object],
    settings: Sequence[Setting] = (),
    grid: Grid,
    key: Key,
    melody: Melody | None,
    takes: Iterable[Take],
    stems: Sequence[str],
    engine: EngineDescription,
    job: str = "",
    label: str = "",
    sections: Sequence[str] = (),
    at_beats: float = 0,
    at_seconds: float = 0,
    format_name: str = DEFAULT_FORMAT,
    tail_seconds: float = 0,
) -> Manifest:
    """Write a whole job into `out_dir` and return its manifest; on any error nothing is left.

    `takes` may be a generator: OUT is tried before the first take is asked for, each take is
    written before the next is asked for, and what it raises (a cancel, say) comes through after
    the tidying up. `request` must be JSON-able; `settings` are those of it that a variation keeps,
    left on the items of the project.
    `sections` holds one name a bar or nothing; `at_seconds`, or else `at_beats`, is where bar 1
    lies in the user's project. `format_name` is that of the sound files, which go on for
    `tail_seconds` after the last bar. Raises StemError when OUT cannot be written or a take does
    not fit the request.
    """
    stems = tuple(stem for stem in STEMS if stem in stems)
    bar_sections = sections_of(sections, grid)
    start = start_seconds(grid, at_beats, at_seconds)
    created = datetime.now(UTC)
    title = label or job or f"backline {grid.bpm:g} bpm {key.name}"
    suffix, music = sound_format(format_name).suffix, music_of(grid, key, loops=not tail_seconds)
    origin = Origin(
        f"{created:%Y%m%dT%H%M%S.%f}", job, title, engine, str(out_dir.resolve()),
        {"bars": grid.bars, "keys": [list(setting) for setting in settings]},
    )  # fmt: skip
    with staging(out_dir) as folder:
        files: list[FileEntry] = []
        entries: list[TakeEntry] = []
        shown: list[ProjectTake] = []
        chords: tuple[tuple[Fraction, str], ...] = ()
        sample_rate = 0
        for number, take in enumerate(takes, 1):
            sample_rate = sample_rate or take.stem_set.sample_rate
            _check_take(take, number, grid, stems, sample_rate, tail_seconds)
            with plain_disk_errors(out_dir):
                names = (*take.stem_set.names, MIX)
                tags = tags_of(names, number, round(start * sample_rate), request, music)
                written, null_dbfs = write_take(
                    folder, take, number, grid, format_name=format_name, tags=tags
                )
                if number == 1:
                    if take.lead_sheet is not None:
                        chords = tuple(marks_of(take.lead_sheet.chords, grid))
                    picture = Overview(title, grid, key, melody, take, bar_sections, null_dbfs)
                    draw_overview(folder / OVERVIEW_NAME, picture)
            files += written
            silent = silent_stems(take.stem_set.mix, take.stem_set.clips)
            gain_db = take.stem_set.gain_db
            entries.append(
                TakeEntry(number, take.seed, gain_db, null_dbfs, take.report, take.facts, silent)
            )
            report = as_lines(findings(take, grid, key, null_dbfs))
            shown.append(_shown(origin, number, take, written, report))
        if not entries:
            raise StemError("a job needs at least one take")
        project = Project(
            title, grid, sample_rate, stems, tuple(shown), melody, bar_sections,
            start, created, origin, suffix, tail_seconds, chords,
        )  # fmt: skip
        with plain_disk_errors(out_dir):
            write_project(folder / PROJECT_NAME, project)
            files.append(describe_file(folder, PROJECT_NAME, "project"))
            files.append(describe_file(folder, OVERVIEW_NAME, "overview", take=1))
            manifest = Manifest(
                backline=backline_version(),
                created=created.isoformat(timespec="seconds"),
                job=job,
                request=request,
                engine=engine,
                grid=GridEntry.of(grid, sample_rate),
                key=KeyEntry.of(key),
                melody=MelodyEntry.of(melody) if melody else None,
                position=PositionEntry(
                    start_seconds=float(start), at_beats=at_beats, at_seconds=at_seconds
                ),
                sections=bar_sections,
                stems=stems,
                takes=tuple(entries),
                files=tuple(files),
            )
            write_manifest(folder / MANIFEST_NAME, manifest)
            publish(folder, out_dir)
    return manifest


def _check_take(
    take: Take,
    number: int,
    grid: Grid,
    stems: tuple[str, ...],
    sample_rate: int,
    tail_seconds: float,
) -> None:
    stem_set = take.stem_set
    if stem_set.names != stems:
        raise StemError(
            f"take {number} has the stems {', '.join(stem_set.names)}, asked were "
            f"{', '.join(stems)}"
        )
    if stem_set.sample_rate != sample_rate:
        raise StemError(
            f"take {number} has a sample rate of {stem_set.sample_rate} Hz, take 1 of "
            f"{sample_rate} Hz"
        )
    frames = grid.frames(sample_rate) + round(tail_seconds * sample_rate)
    if stem_set.frames != frames:
        tail = " and tail" if tail_seconds else ""
        raise StemError(f"take {number} has {stem_set.frames} frames, its grid{tail} has {frames}")


def _shown(
    origin: Origin, number: int, take: Take, written: Sequence[FileEntry], report: Iterable[str]
) -> ProjectTake:
    """What the project file shows of a take, so that its sound need not be kept."""
    provenance = {
        entry.stem: origin.of_take(number, take.seed, entry.sha256)
        for entry in written
        if entry.role == "stem" and entry.stem is not None
    }
    return ProjectTake(
        take.notes, provenance, (f"take {number}, seed {take.seed}", *report),
        take.facts.notes_heard or (),
    )  # fmt: skip
