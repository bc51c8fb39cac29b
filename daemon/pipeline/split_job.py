"""A request to split a recording becomes stems, the REAPER project of them, and a manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.pipeline.separation import OpenSplitter, as_refusal_of, load_splitter
from diffusion.engine import CancelFlag, Progress
from osc_protocol.errors import Code
from osc_protocol.split import Split
from stems.entries import FileEntry, LengthEntry, PositionEntry, TakeEntry
from stems.facts import TakeFacts
from stems.manifest import MANIFEST_NAME, Manifest, describe_file, write_manifest
from stems.project_file import write_split_project
from stems.project_items import Origin
from stems.staging import plain_disk_errors, publish, staging
from stems.version import backline_version

if TYPE_CHECKING:
    from stems.splitting.file_splitting import FileSplit
    from stems.splitting.recording import Recording

PROJECT_ENDING, MANIFEST_ENDING = ".rpp", Path(MANIFEST_NAME).suffix
Named = Callable[[str], str]
# Fraction of the job's time at which loading ends, and splitting.
LOADED, SPLIT = 0.05, 0.95


def split(
    request: Split,
    open_splitter: OpenSplitter,
    out_dir: Path,
    progress: Progress,
    cancelled: CancelFlag,
    *,
    job: str = "",
    named: Named = str,
) -> Manifest:
    """Make the stems `request` asks for in `out_dir`: all files, the manifest last, or nothing.

    The stems have the rate, channels and length of the sound and no gain, so that all four sum to
    it; 32-bit float holds what peaks above full scale, and only in whole numbers such a sound and
    its stems come down by one gain. A part begins at the frame at or before, and ends at or after,
    the times asked for. `named` gives the path in `out_dir`, without ending, of a stem, of the
    manifest and of the project, which lie in `out_dir` itself. `progress` gets the stage (load,
    split, write) and the fraction of the whole job. Raises Cancelled, and one sentence as
    ProtocolError or StemError.
    """
    from stems.split_files import in_format
    from stems.splitting.file_splitting import split_file
    from stems.splitting.recording import look_through

    with as_refusal_of("path", Code.OUT_OF_RANGE):
        recording = look_through(Path(request.path), request.start_seconds, request.length_seconds)
    splitter = load_splitter(open_splitter, request.model)
    with as_refusal_of("stems", Code.OUT_OF_RANGE):
        splitter.chosen(request.stems)
    progress("load", 0.0)  # not before: what is refused has no progress to show
    with staging(out_dir) as folder, plain_disk_errors(out_dir):
        with as_refusal_of("path", Code.OUT_OF_RANGE):
            done = split_file(
                recording, splitter, folder, stems=request.stems, loop=request.loop,
                progress=lambda done: progress("split", LOADED + (SPLIT - LOADED) * done),
                cancelled=cancelled,
            )  # fmt: skip
        progress("write", SPLIT)
        done, gain_db = in_format(done, recording, request.format, cancelled)
        done = _renamed(done, folder, named)
        manifest = _write_project(request, recording, done, gain_db, folder, out_dir, job, named)
        manifest_name = named("manifest") + MANIFEST_ENDING
        write_manifest(folder / manifest_name, manifest)
        publish(folder, out_dir, manifest_name)
    progress("write", 1.0)
    return manifest


def _renamed(done: FileSplit, folder: Path, named: Named) -> FileSplit:
    """Give the stems their names in `folder`; raises OSError."""
    paths = {stem: folder / (named(stem) + path.suffix) for stem, path in done.paths.items()}
    for stem, path in done.paths.items():
        paths[stem].parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, paths[stem])
    return replace(done, paths=paths)


def _write_project(
    request: Split,
    recording: Recording,
    done: FileSplit,
    gain_db: float,
    folder: Path,
    out_dir: Path,
    job: str,
    named: Named,
) -> Manifest:
    """Write the project beside the stems in `folder` and return the manifest of it all.

    `out_dir` is where they will be in the end, `gain_db` what the stems have in common. Raises
    OSError.
    """
    rate, frames, created = recording.sample_rate, recording.frames, datetime.now(UTC)
    files = [
        describe_file(
            folder, path.relative_to(folder).as_posix(), "stem", stem=name, take=1, frames=frames
        )
        for name, path in done.paths.items()
    ]
    project_name = named("project") + PROJECT_ENDING
    origin = Origin(
        f"{created:%Y%m%dT%H%M%S.%f}", job, f"{Path(request.path).stem} stems",
        done.facts, str(out_dir.resolve()), {"split": request.path},
    )  # fmt: skip
    offset = Fraction(request.start_seconds) - Fraction(recording.first_frame, rate)
    write_split_project(
        folder / project_name, origin,
        {entry: tuple(_report(entry, recording, done)) for entry in files}, sample_rate=rate,
        at_beats=request.at_beats, at_seconds=request.at_seconds,
        offset_seconds=max(offset, Fraction(0)), created=created,
    )  # fmt: skip
    files.append(describe_file(folder, project_name, "project"))
    facts = TakeFacts(
        silent=done.silent, channels=recording.channels, peak_dbfs=done.peak_dbfs,
        sureness=done.sureness or None, remarks=recording.remarks or None,
    )  # fmt: skip
    null_dbfs = 0.0 if done.null_dbfs is None else done.null_dbfs
    return Manifest(
        backline=backline_version(),
        created=created.isoformat(timespec="seconds"),
        job=job,
        request=request.as_dict(),
        engine=done.facts,
        grid=LengthEntry(rate, frames, frames / rate),
        key=None,
        melody=None,
        position=PositionEntry(
            from_seconds=recording.first_frame / rate,
            at_beats=request.at_beats,
            at_seconds=request.at_seconds,
        ),
        sections=(),
        stems=tuple(done.paths),
        takes=(TakeEntry(1, 0, gain_db, null_dbfs, None, facts),),
        files=tuple(files),
    )


def _report(entry: FileEntry, recording: Recording, done: FileSplit) -> Iterator[str]:
    """What there is to say of a stem, in the words of the scripts' lib/report.lua."""
    yield f"{entry.stem} of {recording.path.name}, split by {done.facts.name}"
    if entry.stem in done.silent:
        yield "nothing is heard in it"
    yield f"length: {recording.frames} frames at {recording.sample_rate} Hz"
