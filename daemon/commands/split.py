"""`backline split`: a recording split into drums, bass, melody and vocals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import OUTPUT, AsJson, Force
from daemon.commands.outputs import check_folder
from daemon.commands.request_options import takes_request
from daemon.screen import interruptible, progress_bar, say, say_json
from osc_protocol.split import Split
from stems.splitting.splitters import open_splitter

Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the stems.", **OUTPUT)]


@takes_request(Split)
def split(request: Split, out: Out, as_json: AsJson = False, force: Force = False) -> None:
    """Split a recording into stems of its own rate and length that add up to it."""
    from daemon.pipeline.split_job import split as split_sound

    check_folder(out, request, force=force)
    if request.dry_run:
        say_json(request.as_dict())
        return
    with interruptible() as cancelled, progress_bar() as show:
        manifest = split_sound(request, open_splitter, out, show, cancelled)
    if as_json:
        say_json(manifest.as_dict())
        return
    grid, take = manifest.grid, manifest.takes[0]
    silent = take.facts.silent
    more = f"; nothing is heard in {' and '.join(silent)}" if silent else ""
    if take.gain_db:
        more += f"; all brought down by {-take.gain_db:.2f} dB to fit {request.format}"
    say(
        f"{', '.join(manifest.stems)} of {grid.seconds:.2f} s at {grid.sample_rate} Hz, "
        f"by {manifest.engine.name}{more}; written to {out}"
    )
