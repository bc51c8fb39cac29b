"""What a split leaves beside its stems: the REAPER project they lie in, and the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from osc_protocol.split_request import SplitRequest
from stems.manifest import FileEntry, Manifest, TakeEntry, backline_version, describe_file
from stems.provenance import SplitOrigin
from stems.split_project import SplitProject, SplitStem, start_of_sound, write_split_project

if TYPE_CHECKING:
    from stems.splitting.file_splitting import FileSplit
    from stems.splitting.recording import Recording

PROJECT_NAME = "project.rpp"


def describe_split(
    request: SplitRequest,
    recording: Recording,
    done: FileSplit,
    gain_db: float,
    folder: Path,
    out_dir: Path,
    job: str,
) -> Manifest:
    """Write project.rpp beside the stems in `folder` and return the manifest of it all.

    `out_dir` is where they will lie in the end, `gain_db` what the stems have in common. Raises
    OSError.
    """
    rate, frames, created = recording.sample_rate, recording.frames, datetime.now(UTC)
    files = [
        describe_file(folder, path.name, "stem", stem=name, take=1, frames=frames)
        for name, path in done.paths.items()
    ]
    origin = SplitOrigin(
        f"{created:%Y%m%dT%H%M%S.%f}", job, f"{Path(request.path).stem} stems", request.path,
        done.facts, str(out_dir.resolve()),
    )  # fmt: skip
    project = SplitProject(
        origin,
        {
            str(entry.stem): SplitStem(
                entry.path, entry.sha256, tuple(_report(entry, recording, done))
            )
            for entry in files
        },
        rate,
        frames,
        start_of_sound(request.at_beats, request.at_seconds),
        max(Fraction(request.from_seconds) - Fraction(recording.first_frame, rate), Fraction(0)),
        created,
    )
    write_split_project(folder / PROJECT_NAME, project)
    files.append(describe_file(folder, PROJECT_NAME, "project"))
    facts = {
        "silent": list(done.silent), "channels": recording.channels, "peak_dbfs": done.peak_dbfs
    }  # fmt: skip
    null_dbfs = 0.0 if done.null_dbfs is None else done.null_dbfs
    return Manifest(
        backline=backline_version(),
        created=created.isoformat(timespec="seconds"),
        job=job,
        request=request.as_dict(),
        engine=done.facts,
        grid={"sample_rate": rate, "frames": frames, "seconds": frames / rate},
        key={},
        melody=None,
        position={
            "from_seconds": recording.first_frame / rate,
            "at_beats": request.at_beats,
            "at_seconds": request.at_seconds,
        },
        sections=(),
        stems=tuple(done.paths),
        takes=(TakeEntry(1, 0, gain_db, null_dbfs, {}, facts),),
        files=tuple(files),
    )


def _report(entry: FileEntry, recording: Recording, done: FileSplit) -> Iterator[str]:
    """What there is to say of a stem, in the words of the scripts' lib/report.lua."""
    yield f"{entry.stem} of {recording.path.name}, split by {done.facts['name']}"
    if entry.stem in done.silent:
        yield "nothing is heard in it"
    yield f"length: {recording.frames} frames at {recording.sample_rate} Hz"
