"""`backline export`: a finished job in another program's form."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.errors import DaemonError, UsageError
from daemon.screen import say

if TYPE_CHECKING:
    from stems.manifest import Manifest

Folder = Annotated[Path, typer.Argument(help="Folder of a finished job.")]
File = Annotated[
    Path | None,
    typer.Option("--dawproject", help="File to write, for Bitwig, Studio One or Cubase."),
]
Session = Annotated[
    Path | None, typer.Option("--ardour", help="Folder to write: a session of Ardour 7.")
]
Files = Annotated[
    Path | None, typer.Option("--files", help="Folder for copies named by job, tempo and key.")
]
SoundFormat = Annotated[
    str, typer.Option("--format", help="Of the copies: wav16, wav24, wav32f or flac.")
]


def export(
    folder: Folder,
    dawproject: File = None,
    ardour: Session = None,
    files: Files = None,
    sound_format: SoundFormat = "",
) -> None:
    """Write a finished job in a form that other DAWs open, or as files under tidy names."""
    if sound_format and files is None:
        raise UsageError("format is that of the copies: give --files with it")
    if dawproject is None and ardour is None and files is None:
        raise UsageError("export needs --dawproject FILE, --ardour FOLDER or --files FOLDER")
    if dawproject is not None:
        _dawproject(folder, dawproject)
    if ardour is not None:
        _ardour(folder, ardour)
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
    say(f"{dawproject}: {_tracks(manifest)}, {dawproject.stat().st_size / 1e6:.1f} MB")


def _ardour(folder: Path, session: Path) -> None:
    from stems.ardour import write_session
    from stems.manifest import read_manifest

    session = session.resolve()
    if session.exists():
        raise UsageError(f"ardour {str(session)!r} is there already; choose another name")
    manifest = read_manifest(folder)
    partial = session.with_name(f".{session.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_session(partial, folder, manifest, session.name)
        os.replace(partial, session)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DaemonError(f"ardour {str(session)!r} cannot be written: {reason}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{session / session.name}.ardour: {_tracks(manifest)}")


def _tracks(manifest: Manifest) -> str:
    sounds = len(manifest.takes) * len(manifest.stems)
    return f"{sounds} tracks" if sounds > 1 else "1 track"
