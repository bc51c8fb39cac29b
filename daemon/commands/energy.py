"""`backline energy`: an intensity curve from a recording, for music that follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import AsJson
from daemon.errors import UsageError
from daemon.screen import say, say_json
from midi.grid import Grid

File = Annotated[Path, typer.Argument(help="Dialogue, or the sound of a picture edit.")]
Every = Annotated[float, typer.Option("--every", help="Seconds from point to point.")]
Smooth = Annotated[float, typer.Option("--smooth", help="Seconds it is smoothed over.")]
Bpm = Annotated[str, typer.Option("--bpm", help="Give places in quarter notes at this tempo, too.")]
AsPoints = Annotated[
    bool, typer.Option("--points", help="With --bpm: print them as --intensity takes them.")
]


def energy(
    file: File,
    every: Every = 1.0,
    smooth: Smooth = 1.0,
    bpm: Bpm = "",
    as_points: AsPoints = False,
    as_json: AsJson = False,
) -> None:
    """Extract the energy of a recording over time, from 0 to 1."""
    from audio.clip import read_clip
    from audio.energy import energy_curve
    from midi.curve import Curve

    if as_points and not bpm:
        raise UsageError("--points needs --bpm, for instance --bpm 92.5")
    grid = Grid.constant(bpm, bars=1) if bpm else None
    points = energy_curve(read_clip(file), every_seconds=every, smooth_seconds=smooth)
    rows = [{"seconds": seconds, "value": value} for seconds, value in points.items()]
    if grid:
        rows = [{**row, "beat": round(float(grid.beat_at(row["seconds"])), 4)} for row in rows]
    if as_points and grid:
        beats = [grid.beat_at(seconds) for seconds in points]
        say(str(Curve.through(beats, points.values(), beats[-1])))
        return
    if as_json:
        say_json(rows)
        return
    for row in rows:
        beat = f"  beat {row['beat']:8.2f}" if "beat" in row else ""
        say(f"{row['seconds']:8.2f} s{beat}  {row['value']:.2f} {'#' * round(40 * row['value'])}")
