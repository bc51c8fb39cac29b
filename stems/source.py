"""A finished job read back, to be changed: its manifest, and one take's stems, notes and score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio.clip import Clip, read_clip
from audio.decibels import db_to_amplitude, dbfs
from audio.errors import AudioError
from midi.errors import MelodyError, SheetError
from midi.grid import Grid
from midi.lead_sheet import LeadSheet
from midi.lead_sheet_file import SHEET_NAMES, read_sheet
from midi.note import Note
from midi.smf import read_smf
from midi.user_file import read_text
from stems.errors import StemError
from stems.files import SCORE_NAME, SCORE_SCHEMA, path_in_job
from stems.manifest import MANIFEST_NAME, Manifest, grid_of, read_manifest
from stems.stem_set import StemSet

SAME = ("bpm", "meter", "bars", "tempo_map", "meter_map", "key", "sample_rate", "engine",
        "tail_seconds", "dry")  # fmt: skip
MAX_SCORE_BYTES = 64 << 20
CROSSFADE_SECONDS = 0.010
# New sound is in full this long before its first bar, so that a note that anticipates the beat
# by up to half a twelfth of it is complete.
LEAD_IN_BEATS = 1 / 24


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One take of a finished job: stems as delivered, what each plays, the engine's score."""

    manifest: Manifest
    take: int
    clips: Mapping[str, Clip]
    gain_db: float
    notes: Mapping[str, tuple[Note, ...]]
    repairs: tuple[str, ...]  # of its MIDI files, which may have been edited where they lie
    score: Mapping[str, object]
    lead_sheet: LeadSheet = field(default_factory=LeadSheet)


def read_source(folder: Path, take: int = 1, *, with_score: bool = True) -> Source:
    """Read a job's folder, and the take's score where it is needed.

    Raises StemError in one sentence for whatever is missing or changed.
    """
    # Sizes are not compared: the user may have edited a .mid where it lies.
    manifest = read_manifest(folder / MANIFEST_NAME, check_files=False)
    entry = next((each for each in manifest.takes if each.take == take), None)
    if entry is None and not manifest.takes:
        raise StemError(f"source {str(folder)!r} is a plan: give it as plan, or generate first")
    if entry is None:
        raise StemError(f"source {str(folder)!r} has no take {take}")
    try:
        paths = {stem: folder / manifest.sound_path(stem, take) for stem in manifest.stems}
        clips = {stem: read_clip(path) for stem, path in paths.items()}
    except (OSError, AudioError) as error:
        raise StemError(f"source {str(folder)!r}: {error}") from None
    midi = {stem: folder / path_in_job(take, f"{stem}.mid") for stem in manifest.stems}
    edited = {stem: read_edited_notes(p, stem) for stem, p in midi.items() if p.exists()}
    notes = {stem: edited[stem].notes if stem in edited else () for stem in midi}
    repairs = tuple(repair for each in edited.values() for repair in each.repairs)
    score = _score_of(folder, take) if with_score else {}
    sheet = _sheet_of(folder, manifest, take)
    return Source(manifest, take, clips, entry.gain_db, notes, repairs, score, sheet)


def _sheet_of(folder: Path, manifest: Manifest, take: int) -> LeadSheet:
    """The lead sheet of a take, as it was or as the user has edited it; empty in older results."""
    place = folder / path_in_job(take, "")
    if not any((place / name).exists() for name in SHEET_NAMES):
        return LeadSheet()
    try:
        return read_sheet(place, grid_of(manifest))[0]
    except SheetError as error:
        raise StemError(f"source {str(folder)!r}: {error}") from None


def check_same_frame(source: Source, request: Mapping[str, object]) -> None:
    """Raise StemError where `request` asks for another time, key or rate than the source has."""
    for name in SAME:
        # What is stored only where it is set is a flag.
        had, asked = source.manifest.request.get(name, False), request.get(name, False)
        if had != asked:
            raise StemError(
                f"{name.replace('_', '-')} must be the source's, {had!r}, not {asked!r}: a change "
                "keeps time, key and sample rate"
            )


@dataclass(frozen=True, slots=True)
class EditedNotes:
    """The notes of a MIDI file for one stem, and sentences on what of the file was mended."""

    notes: tuple[Note, ...]
    repairs: tuple[str, ...]


def read_edited_notes(path: Path, stem: str) -> EditedNotes:
    """Return the notes of a MIDI file meant for `stem`: channel 10 for drums, else all others.

    A file for the drums whose notes lie on other channels is taken as drums all the same. Raises
    StemError.
    """
    try:
        score = read_smf(path)
    except MelodyError as error:
        raise StemError(f"midi {str(error).removeprefix('melody ')}") from None
    notes = score.drums or score.notes if stem == "drums" else score.notes
    if not notes:
        raise StemError(f"midi file {str(path)!r} holds no note for the {stem}")
    return EditedNotes(notes, tuple(f"{path.name}: {repair}" for repair in score.repairs))


def change(source: Source, new: Mapping[str, Clip], grid: Grid, bars: tuple[int, int]) -> StemSet:
    """Return the source's stems with `new` in `bars` (first, end from 0), at the source's gain.

    Outside the bars every sample stays as it was but for CROSSFADE_SECONDS that end LEAD_IN_BEATS
    before either end. Stems not in `new` stay whole. Raises StemError for another rate or length.
    """
    clips = dict(source.clips)
    gain = np.float32(db_to_amplitude(source.gain_db))
    for stem, clip in new.items():
        scaled = Clip(clip.samples * gain, clip.sample_rate)
        old = clips.get(stem)
        if old is None:
            raise StemError(f"source has no stem {stem}; it holds {', '.join(clips)}")
        if (old.frames, old.sample_rate) != (scaled.frames, scaled.sample_rate):
            raise StemError(f"the source's {stem} has another length or sample rate")
        clips[stem] = _joined(old, scaled, grid, bars)
    return StemSet(clips, gained_db=source.gain_db)


def level_remark(stem_set: StemSet) -> str | None:
    """Return a sentence where the changed mix peaks above full scale, else None."""
    peak_dbfs = dbfs(stem_set.mix.peak)
    if peak_dbfs <= 0.0:
        return None
    return f"the mix now peaks at {peak_dbfs:+.1f} dBFS: the stems that stay were not turned down"


def _joined(old: Clip, new: Clip, grid: Grid, bars: tuple[int, int]) -> Clip:
    """`new` between the bars, `old` around them."""
    weight = np.zeros(old.frames, np.float32)
    begin, end = (_turn(grid, bar, old) for bar in bars)
    fade = round(CROSSFADE_SECONDS * old.sample_rate)
    weight[begin:end] = 1.0
    # Linear, since notes that ring on are in both: their sum stays what it was.
    rise = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    if begin > 0:
        weight[max(0, begin - fade) : begin] = rise[-min(fade, begin) :]
    if end < old.frames:
        weight[max(0, end - fade) : end] = np.minimum(
            weight[max(0, end - fade) : end], 1 - rise[-min(fade, end) :]
        )
    return Clip(old.samples * (1 - weight) + new.samples * weight, old.sample_rate)


def _turn(grid: Grid, bar: int, clip: Clip) -> int:
    """The frame from which on the sound is that of `bar`."""
    beat = grid.bar_starts[bar]
    if beat <= 0 or beat >= grid.beats:
        return 0 if beat <= 0 else clip.frames
    return max(0, grid.frame_at(float(beat) - LEAD_IN_BEATS, clip.sample_rate))


def _score_of(folder: Path, take: int) -> Mapping[str, object]:
    path = folder / path_in_job(take, SCORE_NAME)
    try:
        score = json.loads(read_text(path, MAX_SCORE_BYTES))
    except OSError:
        raise StemError(
            f"source {str(folder)!r} has no {path.name}: it was made by an engine or a version "
            "whose music cannot be changed"
        ) from None
    except ValueError:
        score = None
    if not isinstance(score, dict) or score.get("schema") != SCORE_SCHEMA:
        raise StemError(f"{path.name} in {str(folder)!r} is not a score of this version")
    return score
