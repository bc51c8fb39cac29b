"""`backline export`: a finished job in another program's form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.commands.options import OUTPUT, Force
from daemon.commands.outputs import check_ending, in_place_of, refuse_inputs, written_whole
from daemon.errors import UsageError
from daemon.screen import say

if TYPE_CHECKING:
    from stems.manifest import Manifest

Folder = Annotated[Path, typer.Argument(help="Folder of a finished job.")]
File = Annotated[
    Path | None,
    typer.Option("--dawproject", help="File to write, for Bitwig, Studio One or Cubase.", **OUTPUT),
]
Session = Annotated[
    Path | None, typer.Option("--ardour", help="Folder to write: a session of Ardour 7.", **OUTPUT)
]
Files = Annotated[
    Path | None,
    typer.Option("--files", help="Folder for copies named by job, tempo and key.", **OUTPUT),
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
    force: Force = False,
) -> None:
    """Write a finished job in a form that other DAWs open, or as files under tidy names."""
    if sound_format and files is None:
        raise UsageError("format is that of the copies: give --files with it")
    if dawproject is None and ardour is None and files is None:
        raise UsageError("export needs --dawproject FILE, --ardour FOLDER or --files FOLDER")
    if dawproject is not None:
        check_ending(dawproject, "dawproject", (".dawproject",))
        from stems.dawproject import write_dawproject

        manifest = _convert(folder, dawproject, "dawproject", write_dawproject, force)
        size_mb = dawproject.stat().st_size / 1e6
        say(f"{dawproject}: {_tracks(manifest)}, {size_mb:.1f} MB")
    if ardour is not None:
        from stems.ardour import write_session

        def write(place: Path, folder: Path, manifest: Manifest) -> None:
            place.mkdir()
            write_session(place, folder, manifest, session.name)

        session = ardour.resolve()
        manifest = _convert(folder, session, "ardour", write, force)
        say(f"{session / session.name}.ardour: {_tracks(manifest)}")
    if files is not None:
        refuse_inputs(files, "files", [folder])
        _copy(folder, files, sound_format)


def _convert(
    folder: Path,
    target: Path,
    option: str,
    write: Callable[[Path, Path, Manifest], None],
    force: bool,
) -> Manifest:
    """Have `write` make `target` of a job; raises UsageError where it may not."""
    from stems.entries import LengthEntry
    from stems.manifest import read_manifest

    is_folder = option == "ardour"
    with in_place_of([target], option, [folder], force=force, folder=is_folder):
        manifest = read_manifest(folder)
        if isinstance(manifest.grid, LengthEntry):
            raise UsageError(
                f"{folder} is a split recording, which has no tempo and no bars; its stems can be "
                "exported with --files"
            )
        with written_whole(target, option) as partial:
            write(partial, folder, manifest)
    return manifest


def _copy(folder: Path, target: Path, sound_format: str) -> None:
    from stems.copies import write_copies

    names = write_copies(folder, target, sound_format)
    say(f"{target}: {len(names)} files")
    for name in names:
        say(f"  {name}")


def _tracks(manifest: Manifest) -> str:
    sounds = len(manifest.takes) * len(manifest.stems)
    return f"{sounds} tracks" if sounds > 1 else "1 track"
