"""`backline slice`: a stem as one-shots for a sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.errors import DaemonError, UsageError
from daemon.screen import say

File = Annotated[Path, typer.Argument(help="Sound of one stem.")]
To = Annotated[Path, typer.Option("--to", help="Folder for the slices, new or empty.")]
Bpm = Annotated[str, typer.Option("--bpm", help="Tempo for the names; a job's own file knows it.")]
StemName = Annotated[
    str, typer.Option("--stem", help="drums, bass, melody or vocals; else the name tells.")
]


def slice_(file: File, to: To, bpm: Bpm = "", stem: StemName = "") -> None:
    """Cut a stem into one-shots, named by drum or pitch, and tempo."""
    from audio.clip import read_clip
    from daemon.commands.stem_files import grid_for, stem_of
    from stems.slices import slice_stem, write_slice

    name = stem_of(file, stem)
    clip = read_clip(file)
    grid = grid_for(file, clip.seconds, bpm, "4/4")
    try:
        if to.exists() and any(to.iterdir()):
            raise UsageError(f"to {str(to)!r} is not empty; choose another folder")
        slices = slice_stem(clip, name, grid.bpm if grid else None)
        if slices:
            to.mkdir(parents=True, exist_ok=True)
        for each in slices:
            write_slice(to / f"{each.name}.wav", each)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DaemonError(f"to {str(to)!r} cannot be written: {reason}") from error
    say(f"{to}: {len(slices)} slices of the {name}" if slices else f"{file}: nothing begins in it")
