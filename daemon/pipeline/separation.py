"""Taking sound apart into stems: a file somebody has, or the mix that an engine gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from daemon.pipeline.progress import Progress
from daemon.pipeline.split_result import describe_split
from diffusion.engine import Generation
from diffusion.errors import Cancelled
from midi.grid import Grid
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.split_request import SplitRequest
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, Manifest, write_manifest
from stems.staging import publish, staging, told_plainly
from stems.take import NOTES_HEARD, Take

if TYPE_CHECKING:
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
    it; 32-bit float holds what peaks above full scale, and only in whole numbers such a sound and
    its stems come down by one gain. A part begins at the frame at or before, and ends at or after,
    the times asked for. `progress` gets the stage (load, split, write) and the fraction of the
    whole job. Raises Cancelled, and one sentence as ProtocolError or StemError.
    """
    from stems.split_files import in_format
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
        done, gain_db = in_format(done, recording, request.format, cancelled)
        manifest = describe_split(request, recording, done, gain_db, folder, out_dir, job)
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


def with_notes(take: Take, grid: Grid, cancelled: Callable[[], bool]) -> Take:
    """Return a take, with the notes that are heard in stems which had to be split from a mix.

    They end with the grid. Raises Cancelled and StemError.
    """
    if "splitter" not in take.facts:
        return take
    from stems.transcription.transcriber import transcribe

    fresh = cast("list[str]", take.facts.get("changed", list(take.stem_set.names)))
    notes = dict(take.notes)
    for name in fresh:
        if cancelled():
            raise Cancelled("cancelled")
        heard = transcribe(take.stem_set.clips[name], name, grid)
        notes[name] = tuple(
            replace(note, length_beats=min(note.length_beats, grid.beats - note.start_beats))
            for note in heard
            if note.start_beats < grid.beats
        )
    return replace(take, notes=notes, facts={**take.facts, NOTES_HEARD: fresh})


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
