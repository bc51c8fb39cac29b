"""`backline generate` and `reproduce`: stems made in this process, without a daemon."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import AsJson, Force, Out, check_engine
from daemon.commands.outputs import free_folder
from daemon.commands.request_options import takes_request
from daemon.screen import interruptible, progress_bar, say, say_json
from diffusion.engines import engine_spec
from osc_protocol.generate import Generate

DIFFERENT = 1  # exit status


@takes_request(Generate)
def generate(request: Generate, out: Out, as_json: AsJson = False, force: Force = False) -> None:
    """Make stems in this process, without a daemon."""
    from daemon.results import summary

    request.read_files()
    check_engine(request.engine)
    out = free_folder(out, request, force=force)
    if request.dry_run:
        say_json(request.as_dict())
        return
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run

        with closing(engine_spec(request.engine).open()) as engine:
            manifest = run(request, engine, out, show, cancelled)
        show("done", 1.0)
    if as_json:
        say_json(manifest.as_dict())
        return
    for line in summary(manifest, out):
        say(line)


def reproduce(
    manifest: Annotated[Path, typer.Argument(help="A manifest.json, or its folder.")],
    out: Out,
    force: Force = False,
) -> None:
    """Make the result of a manifest again and compare its frames, or say what is missing."""
    from daemon.pipeline import reproduction
    from stems.manifest import MANIFEST_NAME, read_manifest

    old = read_manifest(manifest, check_files=False)
    request = reproduction.request_of(old)
    out = free_folder(out, request, [manifest / MANIFEST_NAME, manifest], force=force)
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run

        with closing(reproduction.open_for(old)) as engine:
            engine.load(lambda stage, fraction: None)
            reproduction.check_weights(old, engine)
            new = run(request, engine, out, show, cancelled)
        show("done", 1.0)
    changed = reproduction.differences(old, new)
    if not changed:
        say(f"{out}: the same frames in every stem and mix")
        return
    say(f"{out}: other frames in {', '.join(changed)}")
    causes = list(reproduction.suspects(old, new))
    say(f"  {'; '.join(causes) or 'the machine itself must differ: all else is the same'}")
    raise typer.Exit(DIFFERENT)
