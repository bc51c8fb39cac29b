"""`backline slice` and `to-midi`: what is to be had of the file of one stem."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from audio.stem_names import STEMS
from daemon.commands.options import OUTPUT, Force, Meter, StemBpm, StemFile, StemName
from daemon.commands.outputs import in_place_of, refuse_inputs, written_to, written_whole
from daemon.errors import UsageError
from daemon.screen import say
from midi.grid import Grid
from stems.errors import StemError

To = Annotated[Path, typer.Option("--to", help="Folder for the slices, new or empty.", **OUTPUT)]
Out = Annotated[Path, typer.Option("-o", "--out", help="MIDI file to write.", **OUTPUT)]
Quantise = Annotated[
    str, typer.Option("--quantise", help="1/16, 1/8, 1/12 ... of a whole note, or raw.")
]


def slice_(file: StemFile, to: To, bpm: StemBpm = "", stem: StemName = "") -> None:
    """Cut a stem into one-shots, named by drum or pitch, and tempo."""
    from audio.clip import read_clip
    from stems.slices import slice_stem, write_slice

    refuse_inputs(to, "to", [file, file.parent])
    name = _stem_of(file, stem)
    clip = read_clip(file)
    grid = _grid_for(file, clip.seconds, bpm, "4/4")
    with written_to(to, "to"):
        if to.exists() and any(to.iterdir()):
            raise UsageError(f"to {str(to)!r} is not empty; choose another folder")
        slices = slice_stem(clip, name, grid.bpm if grid else None)
        if slices:
            to.mkdir(parents=True, exist_ok=True)
        for each in slices:
            write_slice(to / f"{each.name}.wav", each)
    say(f"{to}: {len(slices)} slices of the {name}" if slices else f"{file}: nothing begins in it")


def to_midi(
    file: StemFile,
    out: Out,
    bpm: StemBpm = "",
    meter: Meter = "4/4",
    quantise: Quantise = "raw",
    stem: StemName = "",
    force: Force = False,
) -> None:
    """Write what a stem plays as MIDI: drums by stroke, all others as one voice."""
    from audio.clip import read_clip
    from stems.files import write_notes
    from stems.transcription.transcriber import FREE_BPM, quantised, transcribe

    name, step = _stem_of(file, stem), _step(quantise)
    if not out.parent.is_dir():
        raise UsageError(f"out {str(out)!r} cannot be written: its folder is not there")
    clip = read_clip(file)
    grid = _grid_for(file, clip.seconds, bpm, meter)
    if step and grid is None:
        raise UsageError("quantise needs bpm: it is not known where the beats of this file are")
    notes = transcribe(clip, name, grid)
    if step:
        notes = quantised(notes, step)
    bars = max(1, -int(-clip.seconds * FREE_BPM / 240 // 1))
    written_on = grid or Grid.constant(FREE_BPM, "4/4", bars)
    with in_place_of([out], "out", [file], force=force), written_whole(out, "out") as partial:
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


def _stem_of(path: Path, named: str) -> str:
    """Return the stem that was named, or that the file is named after; raises UsageError."""
    if named:
        if named not in STEMS:
            raise UsageError(f"stem must be one of {', '.join(STEMS)}, not {named!r}")
        return named
    found = [stem for stem in STEMS if stem in path.stem.lower()]
    if len(found) != 1:
        raise UsageError(
            f"stem: the name {path.name!r} does not tell which it is; give --stem "
            f"{', '.join(STEMS[:-1])} or {STEMS[-1]}"
        )
    return found[0]


def _grid_for(path: Path, seconds: float, bpm: str, meter: str) -> Grid | None:
    """Return the grid of `bpm` and `meter` over so many seconds, else that of the job around.

    None where neither is known. Raises MidiError.
    """
    if bpm:
        one = float(Grid.constant(bpm, meter, 1).seconds)
        return Grid.constant(bpm, meter, max(1, -int(-seconds / one // 1)))
    from stems.manifest import MANIFEST_NAME, grid_of, read_manifest

    manifest = path.parent / MANIFEST_NAME
    if not manifest.is_file():
        manifest = path.parent.parent / MANIFEST_NAME  # of a later take
    try:
        found = read_manifest(manifest, check_files=False)
        ours = {(manifest.parent / entry.path).resolve() for entry in found.files}
        return grid_of(found) if path.resolve() in ours else None
    except StemError:
        return None
