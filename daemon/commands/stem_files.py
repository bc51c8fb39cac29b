"""`backline slice` and `to-midi`: what is to be had of the file of one stem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audio.stem_names import STEMS
from daemon.commands.batch import CancelFlag, Done, Name, Show, over_all, placed
from daemon.commands.options import OUTPUT, Force, Meter, StemBpm, StemName
from daemon.commands.outputs import (
    check_ending,
    check_free,
    in_place_of,
    refuse_inputs,
    written_to,
    written_whole,
)
from daemon.errors import UsageError
from daemon.output_names import OutputNames, output_names
from daemon.sound_inputs import sound_inputs
from midi.grid import Grid
from stems.errors import StemError

if TYPE_CHECKING:
    from stems.slices import Slice

StemFiles = Annotated[
    list[Path], typer.Argument(help="Sounds of one stem each: files, folders or patterns.")
]
To = Annotated[
    Path,
    typer.Option("-o", "--to", "--out", help="Folder for the slices, new or empty.", **OUTPUT),
]
Out = Annotated[
    Path, typer.Option("-o", "--out", help="MIDI file to write; of many, a folder.", **OUTPUT)
]
Normalise = Annotated[
    bool, typer.Option("--normalise", help="Bring the peak of every slice to -1 dBFS.")
]
Sfz = Annotated[
    bool, typer.Option("--sfz", help="Write an SFZ instrument of the slices of each file, too.")
]
SLICE_WORDS = ("slice", "stem", "class", "pitch", "bpm")  # of names
Quantise = Annotated[
    str, typer.Option("--quantise", help="1/16, 1/8, 1/12 ... of a whole note, or raw.")
]


def slice_(
    files: StemFiles,
    to: To,
    name: Name = "",
    bpm: StemBpm = "",
    stem: StemName = "",
    normalise: Normalise = False,
    sfz: Sfz = False,
) -> None:
    """Cut stems into one-shots, named by drum or pitch, and tempo; tones that hold get loops."""
    inputs = sound_inputs(files)
    pattern = name or ("{file}/{slice}" if inputs.many else "{slice}")
    names = output_names(pattern, inputs.files, SLICE_WORDS, ".wav")
    if not {"{slice}", "{class}", "{pitch}"} & set(re.findall(r"{\w+}", pattern)):
        raise UsageError(
            f"name {pattern!r} must have {{slice}}, {{class}} or {{pitch}} in it, for there are "
            "several"
        )
    for file in inputs.files:
        refuse_inputs(to, "to", [file, file.parent])
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(f"to {str(to)!r} is not empty; choose another folder")

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        from audio.clip import read_clip
        from stems.sfz import sfz_text
        from stems.slices import normalised, slice_stem, write_slice

        which = _stem_of(file, stem)
        clip = read_clip(file)
        grid = _grid_for(file, clip.seconds, bpm, "4/4")
        with written_to(to, "to"):
            tempo = grid.bpm if grid else None
            slices = slice_stem(clip, which, tempo)
            slices = tuple(normalised(each) for each in slices) if normalise else slices
            written = _slice_paths(names, to, file, which, slices, tempo)
            for path, each in zip(written, slices, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_slice(path, each)
            if sfz and slices:
                played = [(each.relative_to(to).as_posix(), one)
                          for each, one in zip(written, slices, strict=True)]  # fmt: skip
                instrument = to / f"{names.files[file]}.sfz"
                instrument.write_text(sfz_text(played, tempo), "utf-8", newline="\n")
                written.append(instrument)
        line = f"{to}: {len(slices)} slices of the {which}"
        line = line if slices else f"{file}: nothing begins in it"
        line = f"{file}: {line}" if inputs.many and slices else line
        return Done([line], {"slices": len(slices), "stem": which}, written)

    over_all(inputs, work)


def to_midi(
    files: StemFiles,
    out: Out,
    name: Name = "",
    bpm: StemBpm = "",
    meter: Meter = "4/4",
    quantise: Quantise = "raw",
    stem: StemName = "",
    force: Force = False,
) -> None:
    """Write what stems play as MIDI: drums by stroke, all others as one voice."""
    step = _step(quantise)
    inputs = sound_inputs(files)
    if not out.parent.is_dir():
        raise UsageError(f"out {str(out)!r} cannot be written: its folder is not there")
    if not (inputs.many or name):
        check_ending(out, "out", (".mid", ".midi"))
    targets = placed(out, inputs, name, ".mid")
    for target in targets.values():
        check_free(target, "out", inputs.files, force=force)

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        from audio.clip import read_clip
        from stems.files import write_notes
        from stems.transcription.transcriber import FREE_BPM, quantised, transcribe

        which, target = _stem_of(file, stem), targets[file]
        clip = read_clip(file)
        grid = _grid_for(file, clip.seconds, bpm, meter)
        if step and grid is None:
            raise UsageError("quantise needs bpm: it is not known where the beats of this file are")
        notes = transcribe(clip, which, grid)
        if step:
            notes = quantised(notes, step)
        bars = max(1, -int(-clip.seconds * FREE_BPM / 240 // 1))
        written_on = grid or Grid.constant(FREE_BPM, "4/4", bars)
        with written_to(target, "out"):
            target.parent.mkdir(parents=True, exist_ok=True)
        with (
            in_place_of([target], "out", inputs.files, force=force),
            written_whole(target, "out") as partial,
        ):
            write_notes(partial, which, notes, written_on)
        free = "" if grid else f", no tempo known: written at {FREE_BPM} bpm"
        line = f"{target}: {len(notes)} notes of the {which} in {clip.seconds:.2f} s{free}"
        return Done([line], {"notes": len(notes), "stem": which}, [target])

    over_all(inputs, work)


def _slice_paths(
    names: OutputNames,
    to: Path,
    file: Path,
    stem: str,
    slices: Sequence[Slice],
    bpm: float | None,
) -> list[Path]:
    """Where the slices of a file go; of those with one name all but the first get a number."""
    from stems.files import tempo_word

    paths: list[Path] = []
    for each in slices:
        words = {"slice": each.name, "stem": stem, "class": each.kind, "pitch": each.pitch,
                 "bpm": tempo_word(bpm) if bpm else "free"}  # fmt: skip
        first = names.path(to, file, **words)
        tries = (first.with_name(f"{first.stem}-{number}.wav") for number in count(2))
        paths.append(next(path for path in chain([first], tries) if path not in paths))
    return paths


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
