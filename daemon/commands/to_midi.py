"""`backline to-midi`: what a stem plays, as a MIDI file."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import Meter, StemBpm, StemFile, StemName
from daemon.commands.outputs import written_whole
from daemon.errors import UsageError
from daemon.screen import say
from midi.grid import Grid

Out = Annotated[Path, typer.Option("-o", "--out", help="MIDI file to write.")]
Quantise = Annotated[
    str, typer.Option("--quantise", help="1/16, 1/8, 1/12 ... of a whole note, or raw.")
]


def to_midi(
    file: StemFile,
    out: Out,
    bpm: StemBpm = "",
    meter: Meter = "4/4",
    quantise: Quantise = "raw",
    stem: StemName = "",
) -> None:
    """Write what a stem plays as MIDI: drums by stroke, all others as one voice."""
    from audio.clip import read_clip
    from daemon.commands.stem_files import grid_for, stem_of
    from stems.files import write_notes
    from stems.transcription.transcriber import FREE_BPM, quantised, transcribe

    name, step = stem_of(file, stem), _step(quantise)
    if not out.parent.is_dir():
        raise UsageError(f"out {str(out)!r} cannot be written: its folder is not there")
    clip = read_clip(file)
    grid = grid_for(file, clip.seconds, bpm, meter)
    if step and grid is None:
        raise UsageError("quantise needs bpm: it is not known where the beats of this file are")
    notes = transcribe(clip, name, grid)
    if step:
        notes = quantised(notes, step)
    bars = max(1, -int(-clip.seconds * FREE_BPM / 240 // 1))
    written_on = grid or Grid.constant(FREE_BPM, "4/4", bars)
    with written_whole(out, "out") as partial:
        write_notes(partial, name, notes, written_on)
    free = "" if grid else f", no tempo known: written at {FREE_BPM} bpm"
    say(f"{out}: {len(notes)} notes of the {name} in {clip.seconds:.2f} s{free}")


def _step(text: str) -> Fraction | None:
    """The step in quarters, or None for raw."""
    if text == "raw":
        return None
    found = re.fullmatch(r"1/(\d{1,3})", text)
    if not found or not 1 <= int(found[1]) <= 128:
        raise UsageError(f"quantise must be raw or from 1/1 to 1/128, such as 1/16, not {text!r}")
    return Fraction(4, int(found[1]))
