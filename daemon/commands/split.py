"""`backline split`: a recording taken apart into drums, bass, melody and vocals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from audio.stem_names import STEMS
from daemon.commands.options import AsJson
from daemon.errors import UsageError
from daemon.screen import interruptible, progress_bar, say

ALL = ",".join(STEMS)
File = Annotated[Path, typer.Argument(help="The recording: wav, flac, mp3, ogg ..., any length.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the stems.")]
StemNames = Annotated[str, typer.Option("--stems", help="Only these, such as drums,vocals.")]
ModelName = Annotated[
    str, typer.Option("--model", help="embedded, htdemucs, htdemucs_ft, or a model's path.")
]
SoundFormat = Annotated[
    str, typer.Option("--format", help="Of the stems: wav16, wav24, wav32f or flac.")
]
Loop = Annotated[bool, typer.Option("--loop", help="It is a loop: hear its ends go round.")]


def split(
    file: File,
    out: Out,
    stems: StemNames = ALL,
    model: ModelName = "",
    loop: Loop = False,
    sound_format: SoundFormat = "wav32f",
    as_json: AsJson = False,
) -> None:
    """Split a recording into stems of its own rate and length that add up to it."""
    from daemon.pipeline.separation import open_splitter
    from daemon.pipeline.split_job import split as split_sound
    from osc_protocol.errors import ProtocolError
    from osc_protocol.generate_request import ordered_stems
    from osc_protocol.split_request import SplitRequest

    try:
        request = SplitRequest(
            str(file.resolve()), ordered_stems(stems), model, loop, format=sound_format
        )
    except ProtocolError as error:
        raise UsageError(error.message) from None
    with interruptible() as cancelled, progress_bar() as show:
        manifest = split_sound(request, open_splitter, out, show, cancelled)
    if as_json:
        import json

        say(json.dumps(manifest.as_dict(), indent=2))
        return
    grid, engine = manifest.grid, manifest.engine
    silent = cast("list[str]", manifest.takes[0].facts["silent"])
    told = f"; nothing is heard in {' and '.join(silent)}" if silent else ""
    gain_db = manifest.takes[0].gain_db
    told += f"; all brought down by {-gain_db:.2f} dB to fit {sound_format}" if gain_db else ""
    say(
        f"{', '.join(manifest.stems)} of {grid['seconds']:.2f} s at {grid['sample_rate']} Hz, "
        f"by {engine['name']}{told}; written to {out}"
    )
