"""`backline split`: a recording taken apart into drums, bass, melody and vocals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audio.stem_names import STEMS
from daemon.commands.options import AsJson
from daemon.errors import UsageError
from daemon.screen import interruptible, progress_bar, say

if TYPE_CHECKING:
    from stems.manifest import Manifest
    from stems.splitting.file_splitting import FileSplit
    from stems.splitting.recording import Recording

ALL = ",".join(STEMS)
File = Annotated[Path, typer.Argument(help="The recording: wav, flac, mp3, ogg ..., any length.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the stems.")]
StemNames = Annotated[str, typer.Option("--stems", help="Only these, such as drums,vocals.")]
ModelName = Annotated[
    str, typer.Option("--model", help="embedded, htdemucs, htdemucs_ft, or a model's path.")
]
Loop = Annotated[bool, typer.Option("--loop", help="It is a loop: hear its ends go round.")]


def split(
    file: File,
    out: Out,
    stems: StemNames = ALL,
    model: ModelName = "",
    loop: Loop = False,
    as_json: AsJson = False,
) -> None:
    """Split a recording into stems of its own rate and length that add up to it."""
    from osc_protocol.errors import ProtocolError
    from osc_protocol.generate_request import ordered_stems
    from stems.splitting.file_splitting import split_file
    from stems.splitting.recording import look_through
    from stems.splitting.splitter import open_splitter
    from stems.staging import publish, staging, told_plainly

    try:
        names = ordered_stems(stems)
    except ProtocolError as error:
        raise UsageError(error.message) from None
    recording = look_through(file)
    splitter = open_splitter(model or None)
    with interruptible() as cancelled, staging(out) as folder:
        with progress_bar() as show, told_plainly(out):
            show("load", 0.0)
            done = split_file(
                recording, splitter, folder, stems=names, loop=loop,
                progress=lambda fraction: show("split", fraction), cancelled=cancelled,
            )  # fmt: skip
        with told_plainly(out):
            manifest = _write_manifest(folder, recording, done, model, loop)
            publish(folder, out)
    if as_json:
        import json

        say(json.dumps(manifest.as_dict(), indent=2))
        return
    silent = f"; nothing is heard in {' and '.join(done.silent)}" if done.silent else ""
    say(
        f"{', '.join(done.paths)} of {recording.frames / recording.sample_rate:.2f} s at "
        f"{recording.sample_rate} Hz, by {splitter.name}{silent}; written to {out}"
    )


def _write_manifest(
    folder: Path, recording: Recording, done: FileSplit, model: str, loop: bool
) -> Manifest:
    from datetime import UTC, datetime

    from osc_protocol.split_request import SplitRequest
    from stems.manifest import (
        MANIFEST_NAME,
        Manifest,
        TakeEntry,
        backline_version,
        describe_file,
        write_manifest,
    )

    rate, frames = recording.sample_rate, recording.frames
    names = tuple(done.paths)
    request = SplitRequest(path=str(recording.path), stems=names, model=model, loop=loop)
    facts = {
        "silent": list(done.silent), "channels": recording.channels, "peak_dbfs": done.peak_dbfs
    }  # fmt: skip
    manifest = Manifest(
        backline=backline_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        job="",
        request=request.as_dict(),
        engine=done.facts,
        grid={"sample_rate": rate, "frames": frames, "seconds": frames / rate},
        key={},
        melody=None,
        position={},
        sections=(),
        stems=names,
        # Float holds what peaks above full scale, so that there never is a gain to share.
        takes=(TakeEntry(1, 0, 0.0, 0.0 if done.null_dbfs is None else done.null_dbfs, {}, facts),),
        files=tuple(
            describe_file(folder, path.name, "stem", stem=name, take=1, frames=frames)
            for name, path in done.paths.items()
        ),
    )
    write_manifest(folder / MANIFEST_NAME, manifest)
    return manifest
