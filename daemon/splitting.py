"""Taking sound apart into stems: a file somebody has, or the mix that an engine gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.stages import Progress
from diffusion.engine import Generation
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.split_request import SplitRequest
from stems.errors import StemError
from stems.manifest import (
    MANIFEST_NAME,
    Manifest,
    TakeEntry,
    backline_version,
    describe_file,
    write_manifest,
)
from stems.staging import publish, staging, told_plainly

if TYPE_CHECKING:
    from stems.splitting.file_splitting import FileSplit
    from stems.splitting.recording import Recording
    from stems.splitting.splitter import Splitter

OpenSplitter = Callable[[str | None], "Splitter"]

# Share of a job's time: a file is looked through and a splitter read in a second or so.
LOADED, SPLIT = 0.05, 0.95


def open_splitter(name: str | None = None) -> Splitter:
    """Return the splitter of that name, or the best that is installed; raises StemError."""
    from stems.splitting import splitter

    return splitter.open_splitter(name)


def split(
    request: SplitRequest,
    open_splitter: OpenSplitter,
    out_dir: Path,
    progress: Progress,
    cancelled: Callable[[], bool],
    *,
    job: str = "",
) -> Manifest:
    """Make the stems `request` asks for in `out_dir`: all files, the manifest last, or nothing.

    The stems have the rate, channels and length of the sound and no gain, so that all four sum to
    it; they are 32-bit float, which holds what peaks above full scale. A part begins at the frame
    at or before, and ends at or after, the times asked for. `progress` gets the stage (load,
    split, write) and the fraction of the whole job. Raises Cancelled, and one sentence as
    ProtocolError or StemError.
    """
    from stems.splitting.file_splitting import split_file
    from stems.splitting.recording import look_through

    with _refused("path", Code.OUT_OF_RANGE):
        recording = look_through(Path(request.path), request.from_seconds, request.length_seconds)
    splitter = _loaded(open_splitter, request.model)
    progress("load", 0.0)  # not before: what is refused has no progress to show
    with staging(out_dir) as folder, told_plainly(out_dir):
        with _refused("path", Code.OUT_OF_RANGE):
            done = split_file(
                recording, splitter, folder, stems=request.stems, loop=request.loop,
                progress=lambda done: progress("split", LOADED + (SPLIT - LOADED) * done),
                cancelled=cancelled,
            )  # fmt: skip
        progress("write", SPLIT)
        manifest = _manifest(request, recording, done, folder, job)
        write_manifest(folder / MANIFEST_NAME, manifest)
        publish(folder, out_dir)
    progress("write", 1.0)
    return manifest


def with_stems(
    generation: Generation,
    stems: tuple[str, ...],
    open_splitter: OpenSplitter,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Generation:
    """Return the generation, its mix split into `stems` where the engine gave nothing else.

    `progress` gets the stage split and its own fraction. Raises Cancelled, ProtocolError and
    StemError.
    """
    if generation.stems is not None or generation.mix is None:
        return generation
    from stems.splitting.separation import separate

    separation = separate(
        generation.mix, _loaded(open_splitter, ""), stems=stems,
        progress=lambda fraction: progress("split", fraction), cancelled=cancelled,
    )  # fmt: skip
    facts = {**generation.facts, "splitter": separation.facts, "silent": list(separation.silent)}
    return replace(generation, stems=separation.clips, facts=facts)


def opened(open_splitter: OpenSplitter) -> OpenSplitter:
    """Open the best splitter now, and give this one from then on; raises ProtocolError."""
    splitter = _loaded(open_splitter, "")
    return lambda name: splitter


def _loaded(open_splitter: OpenSplitter, name: str) -> Splitter:
    """Open a splitter and read its files, so that what is wrong with them is told as such."""
    with _refused("model", Code.MODEL_UNAVAILABLE):
        splitter = open_splitter(name or None)
        splitter.facts()
    return splitter


@contextmanager
def _refused(field: str, code: Code) -> Iterator[None]:
    """Lay a StemError at the door of one field of the request."""
    try:
        yield
    except StemError as error:
        raise ProtocolError(code, str(error), field) from None


def _manifest(
    request: SplitRequest, recording: Recording, done: FileSplit, folder: Path, job: str
) -> Manifest:
    rate, frames = recording.sample_rate, recording.frames
    null_dbfs = 0.0 if done.null_dbfs is None else done.null_dbfs
    facts = {
        "silent": list(done.silent), "channels": recording.channels, "peak_dbfs": done.peak_dbfs
    }  # fmt: skip
    return Manifest(
        backline=backline_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
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
        takes=(TakeEntry(1, 0, 0.0, null_dbfs, {}, facts),),
        files=tuple(
            describe_file(folder, path.name, "stem", stem=name, take=1, frames=frames)
            for name, path in done.paths.items()
        ),
    )
