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
    Path | None,
    typer.Option("--dawproject", help="File to write, for Bitwig, Studio One or Cubase."),
]
Files = Annotated[
    Path | None, typer.Option("--files", help="Folder for copies named by job, tempo and key.")
]
SoundFormat = Annotated[
    str, typer.Option("--format", help="Of the copies: wav16, wav24, wav32f or flac.")
]


def export(
    folder: Folder, dawproject: File = None, files: Files = None, sound_format: SoundFormat = ""
) -> None:
    """Write a finished job as one file that other DAWs open, or as files under tidy names."""
    if sound_format and files is None:
        raise UsageError("format is that of the copies: give --files with it")
    if dawproject is None and files is None:
        raise UsageError("export needs --dawproject FILE or --files FOLDER, or both")
    if dawproject is not None:
        _dawproject(folder, dawproject)
    if files is not None:
        _files(folder, files, sound_format)


def _files(folder: Path, target: Path, sound_format: str) -> None:
    from stems.copies import write_copies

    names = write_copies(folder, target, sound_format)
    say(f"{target}: {len(names)} files")
    for name in names:
        say(f"  {name}")


def _dawproject(folder: Path, dawproject: Path) -> None:
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
