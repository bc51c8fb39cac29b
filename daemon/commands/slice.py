"""`backline slice`: a stem as one-shots for a sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import StemBpm, StemFile, StemName
from daemon.commands.outputs import written_to
from daemon.errors import UsageError
from daemon.screen import say

To = Annotated[Path, typer.Option("--to", help="Folder for the slices, new or empty.")]


def slice_(file: StemFile, to: To, bpm: StemBpm = "", stem: StemName = "") -> None:
    """Cut a stem into one-shots, named by drum or pitch, and tempo."""
    from audio.clip import read_clip
    from daemon.commands.stem_files import grid_for, stem_of
    from stems.slices import slice_stem, write_slice

    name = stem_of(file, stem)
    clip = read_clip(file)
    grid = grid_for(file, clip.seconds, bpm, "4/4")
    with written_to(to, "to"):
        if to.exists() and any(to.iterdir()):
            raise UsageError(f"to {str(to)!r} is not empty; choose another folder")
        slices = slice_stem(clip, name, grid.bpm if grid else None)
        if slices:
            to.mkdir(parents=True, exist_ok=True)
        for each in slices:
            write_slice(to / f"{each.name}.wav", each)
    say(f"{to}: {len(slices)} slices of the {name}" if slices else f"{file}: nothing begins in it")
