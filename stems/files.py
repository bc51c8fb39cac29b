"""The sound and note files of one take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from audio.clip import read_clip, write_wav
from midi.grid import Grid
from midi.note import Note
from midi.smf import write_smf
from stems.manifest import FileEntry, describe_file
from stems.stem_set import StemSet
from stems.take import Take

MIX = "mix"
SCORE_SCHEMA = "backline.score/1"

# General MIDI, counted from 0: channel 10 holds drums; finger bass, piano, choir.
_CHANNELS = {"drums": 9}
_PROGRAMS = {"bass": 33, "melody": 0, "vocals": 52}


def take_folder(take: int) -> str:
    """Where take `take` (from 1) lies: in the job's folder itself, else in take2/, take3/ ..."""
    return "" if take == 1 else f"take{take}/"


def wav_path(stem: str, take: int) -> str:
    """Relative path of a stem's sound, or of the mix, with forward slashes."""
    return f"{take_folder(take)}{stem}.wav"


def score_path(take: int) -> str:
    """Relative path of what the engine needs to change a take, with forward slashes."""
    return f"{take_folder(take)}score.json"


def write_take(folder: Path, take: Take, number: int, grid: Grid) -> tuple[list[FileEntry], float]:
    """Write drums.wav ... mix.wav (stereo, 32-bit float), drums.mid ... and score.json of a take.

    Returns the files and their null_dbfs, measured on what was read back from the disk. Raises
    OSError or AudioError when the disk refuses.
    """
    (folder / take_folder(number)).mkdir(exist_ok=True)
    entries = []
    stem_set = take.stem_set
    sounds = dict(stem_set.clips) | {MIX: stem_set.mix}
    for name, clip in sounds.items():
        path = wav_path(name, number)
        write_wav(folder / path, clip, bits=32)
        stem, role = (None, MIX) if name == MIX else (name, "stem")
        entries.append(
            describe_file(folder, path, role, stem=stem, take=number, frames=clip.frames)
        )
    for stem in stem_set.names:
        if take.notes.get(stem):
            path = f"{take_folder(number)}{stem}.mid"
            _write_notes(folder / path, stem, take.notes[stem], grid)
            entries.append(describe_file(folder, path, "notes", stem=stem, take=number))
    if take.score is not None:
        path = score_path(number)
        text = json.dumps({"schema": SCORE_SCHEMA} | dict(take.score), separators=(",", ":"))
        (folder / path).write_text(text, encoding="utf-8", newline="\n")
        entries.append(describe_file(folder, path, "score", take=number))
    return entries, _null_of_files(folder, stem_set.names, number)


def _write_notes(path: Path, stem: str, notes: Sequence[Note], grid: Grid) -> None:
    write_smf(
        path,
        tuple(notes),
        grid,
        program=_PROGRAMS.get(stem),
        channel=_CHANNELS.get(stem, 0),
        name=stem,
    )


def _null_of_files(folder: Path, stems: Sequence[str], take: int) -> float:
    clips = {stem: read_clip(folder / wav_path(stem, take)) for stem in stems}
    written = StemSet(clips, gained_db=0.0)
    return written.null_db(read_clip(folder / wav_path(MIX, take)))
