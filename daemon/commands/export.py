"""`backline export`: a finished job in another program's form."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from daemon.errors import DaemonError, UsageError
from daemon.screen import say

Folder = Annotated[Path, typer.Argument(help="Folder of a finished job.")]
File = Annotated[
    Path, typer.Option("--dawproject", help="File to write, for Bitwig, Studio One or Cubase.")
]


def export(folder: Folder, dawproject: File) -> None:
    """Write a finished job, sounds included, as one file that other DAWs open."""
    from stems.dawproject import write_dawproject
    from stems.manifest import read_manifest

    if dawproject.exists():
        raise UsageError(f"dawproject {str(dawproject)!r} is there already; choose another name")
    manifest = read_manifest(folder)
    partial = dawproject.with_name(f".{dawproject.name}.partial")
    try:
        write_dawproject(partial, folder, manifest)
        os.replace(partial, dawproject)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DaemonError(f"dawproject {str(dawproject)!r} cannot be written: {reason}") from error
    finally:
        partial.unlink(missing_ok=True)
    sounds = len(manifest.takes) * len(manifest.stems)
    tracks = f"{sounds} tracks" if sounds > 1 else "1 track"
    say(f"{dawproject}: {tracks}, {dawproject.stat().st_size / 1e6:.1f} MB")
