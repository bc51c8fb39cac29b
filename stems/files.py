"""The sound and note files of one take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audio.clip import Clip, read_clip
from audio.flac_file import FlacFile
from audio.residue import null_dbfs
from audio.wave_file import WaveFile
from midi.grid import Grid
from midi.lead_sheet_file import SHEET_NAMES, write_sheet
from midi.note import Note
from midi.smf import write_smf
from stems.chunks import Music, SoundTags, chunks_of
from stems.entries import FileEntry
from stems.errors import StemError
from stems.manifest import describe_file
from stems.stem_set import Take
from stems.whole_numbers import Integers, dither_for, to_integers, to_whole

MIX = "mix"
SCORE_SCHEMA, SCORE_NAME = "backline.score/1", "score.json"  # what changes of a take need


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How samples are written: the files' suffix, and bits, of which 32 are floating point."""

    suffix: str
    bits: int

    def open(
        self, path: Path, sample_rate: int, channels: int, frames: int, tags: SoundTags | None
    ) -> Any:
        """Open a WaveFile or FlacFile of `frames`; raises OSError or AudioError."""
        if self.suffix == ".flac":
            return FlacFile(path, sample_rate, channels, tags.texts if tags else None)
        before, after = chunks_of(tags, sample_rate, frames, channels) if tags else ([], [])
        return WaveFile(path, sample_rate, channels, frames, self.bits, before=before, after=after)


DEFAULT_FORMAT = "wav32f"
SOUND_FORMATS: Mapping[str, SoundFormat] = {
    "wav16": SoundFormat(".wav", 16),
    "wav24": SoundFormat(".wav", 24),
    DEFAULT_FORMAT: SoundFormat(".wav", 32),
    "flac": SoundFormat(".flac", 24),
}

MODE_WORDS = {
    "major": "maj", "minor": "min", "dorian": "dor", "phrygian": "phr", "lydian": "lyd",
    "mixolydian": "mix", "locrian": "loc",
}  # fmt: skip
MAX_LABEL = 40

# General MIDI, counted from 0: channel 10 holds drums; finger bass, piano, choir.
_CHANNELS = {"drums": 9}
_PROGRAMS = {"bass": 33, "melody": 0, "vocals": 52}


def path_in_job(take: int, name: str) -> str:
    """Relative path, with forward slashes, of a file of take `take` (from 1), such as drums.wav.

    The first take's files lie in the job's folder itself, the others' in take2/, take3/ ...
    """
    return name if take == 1 else f"take{take}/{name}"


def tidy_name(
    stem: str,
    suffix: str,
    *,
    job: str = "",
    label: str = "",
    take: int = 1,
    takes: int = 1,
    music: Music | None = None,
) -> str:
    """Return a name that any file system takes and that sorts by job, then stem.

    A job's number has four digits or more; without one the user's `label` stands for it. Tempo
    and key are left out where they are not known, the take where there is but one.
    """  # fmt: skip
    words = ["backline", f"{int(job):04d}" if job.isdecimal() else _plain(label or job), stem]
    words += [f"take{take}"] if takes > 1 else []
    words += [tempo_word(music.bpm), key_word(music)] if music else []
    return "_".join(word for word in words if word) + suffix


def tempo_word(bpm: float) -> str:
    """92.5bpm: up to three decimals, none that say nothing."""
    return f"{bpm:.3f}".rstrip("0").rstrip(".") + "bpm"


def key_word(music: Music) -> str:
    """Cmin, F#dor, Bbmaj: as file browsers of samples expect it."""
    return music.key.spelling + MODE_WORDS[music.key.mode]


def sound_format(name: str) -> SoundFormat:
    """Return the format of that name; raises StemError naming those there are."""
    if name not in SOUND_FORMATS:
        raise StemError(f"format must be one of {', '.join(SOUND_FORMATS)}, not {name!r}")
    return SOUND_FORMATS[name]


def write_sounds(
    paths: Mapping[str, Path],
    stems: Mapping[str, Clip],
    mix: Clip | None = None,
    *,
    format_name: str = DEFAULT_FORMAT,
    tags: Mapping[str, SoundTags] | None = None,
) -> None:
    """Write the stems, and the mix under the name "mix", that have a path.

    In whole numbers the stems sum to the mix exactly where one is given, written or not. Raises
    StemError for an unknown format or samples that it cannot hold, AudioError or OSError when the
    disk refuses.
    """
    form = sound_format(format_name)
    sounds = dict(stems) | ({MIX: mix} if mix else {})
    whole: dict[str, Integers] = {}
    if form.bits < 32:
        dither = dither_for(form.bits)
        if mix is None:
            whole = {name: to_whole(clip, form.bits, dither) for name, clip in stems.items()}
        else:
            whole_mix, whole = to_integers(mix, stems, form.bits, dither)
            whole[MIX] = whole_mix
    for name, path in paths.items():
        clip, tag = sounds[name], (tags or {}).get(name)
        with form.open(path, clip.sample_rate, clip.channels, clip.frames, tag) as file:
            file.write(whole.get(name, clip.samples))


def write_take(
    folder: Path,
    take: Take,
    number: int,
    grid: Grid,
    *,
    format_name: str = DEFAULT_FORMAT,
    tags: Mapping[str, SoundTags] | None = None,
) -> tuple[list[FileEntry], float]:
    """Write drums.wav ... mix.wav (stereo), drums.mid ..., score.json and lead sheet of a take.

    Returns the files and their null_dbfs, measured on what was read back from the disk. Raises
    OSError or AudioError when the disk refuses, StemError for samples no format can hold.
    """
    (folder / path_in_job(number, "")).mkdir(exist_ok=True)
    stem_set = take.stem_set
    suffix = sound_format(format_name).suffix
    paths = {name: path_in_job(number, name + suffix) for name in (*stem_set.names, MIX)}
    write_sounds(
        {name: folder / path for name, path in paths.items()},
        stem_set.clips, stem_set.mix, format_name=format_name, tags=tags,
    )  # fmt: skip
    entries = []
    for name, path in paths.items():
        stem, role = (None, MIX) if name == MIX else (name, "stem")
        entries.append(
            describe_file(folder, path, role, stem=stem, take=number, frames=stem_set.frames)
        )
    for stem in stem_set.names:
        if take.notes.get(stem):
            path = path_in_job(number, f"{stem}.mid")
            write_notes(folder / path, stem, take.notes[stem], grid)
            entries.append(describe_file(folder, path, "notes", stem=stem, take=number))
    if take.score is not None:
        path = path_in_job(number, SCORE_NAME)
        text = json.dumps({"schema": SCORE_SCHEMA} | dict(take.score), separators=(",", ":"))
        (folder / path).write_text(text, encoding="utf-8", newline="\n")
        entries.append(describe_file(folder, path, "score", take=number))
    if take.lead_sheet is not None:
        write_sheet(folder / path_in_job(number, ""), take.lead_sheet, grid)
        for name in SHEET_NAMES:
            path = path_in_job(number, name)
            entries.append(describe_file(folder, path, "plan", take=number))
    written = {name: read_clip(folder / path) for name, path in paths.items()}
    return entries, null_dbfs(written.pop(MIX), written.values())


def write_notes(path: Path, stem: str, notes: Sequence[Note], grid: Grid) -> None:
    """Write what a stem plays as MIDI, with the channel and sound General MIDI has for it."""
    program, channel = _PROGRAMS.get(stem), _CHANNELS.get(stem, 0)
    write_smf(path, tuple(notes), grid, program=program, channel=channel, name=stem)


def _plain(text: str) -> str:
    """Letters, digits and dashes only, and not without end."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:MAX_LABEL]
