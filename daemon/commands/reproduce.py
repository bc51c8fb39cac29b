"""`backline reproduce`: make an old result again, and say whether its frames are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import Out
from daemon.screen import say

DIFFERENT = 1  # exit status


def reproduce(
    manifest: Annotated[Path, typer.Argument(help="A manifest.json, or its folder.")],
    out: Out,
) -> None:
    """Make the result of a manifest again and compare its frames, or say what is missing."""
    from daemon.pipeline import reproduction
    from daemon.results import check_folder
    from daemon.screen import interruptible, progress_bar
    from stems.manifest import read_manifest

    old = read_manifest(manifest, check_files=False)
    request = reproduction.request_of(old)
    check_folder(out)
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run

        engine = reproduction.open_for(old)
        try:
            engine.load(lambda stage, fraction: None)
            reproduction.check_weights(old, engine)
            new = run(request, engine, out, show, cancelled)
        finally:
            engine.close()
        show("done", 1.0)
    changed = reproduction.differences(old, new)
    if not changed:
        say(f"{out}: the same frames in every stem and mix")
        return
    say(f"{out}: other frames in {', '.join(changed)}")
    causes = list(reproduction.suspects(old, new))
    say(f"  {'; '.join(causes) or 'the machine itself must differ: all else is the same'}")
    raise typer.Exit(DIFFERENT)
