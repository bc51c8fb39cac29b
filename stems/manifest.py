"""The manifest: what was asked, what plays, what was measured, and every file with its hash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, cast

from midi.errors import GridError
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from midi.melody import Melody
from stems.errors import StemError
from stems.sections import Section

SCHEMA = "backline.manifest/1"
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One delivered file: `path` is relative to the manifest and uses forward slashes.

    `role` is stem, mix, notes, project or overview; `frames` is 0 for a file without sound.
    Raises StemError for a path that leads out of the folder.
    """

    path: str
    role: str
    stem: str | None
    take: int | None
    bytes: int
    frames: int
    sha256: str

    def __post_init__(self) -> None:
        # Manifests are also read to know what to replace: no path may lead out of the folder.
        parts = PurePosixPath(self.path).parts
        if not parts or ".." in parts or "\\" in self.path or PureWindowsPath(self.path).anchor:
            raise StemError(f"manifest file path {self.path!r} leads out of its folder")


@dataclass(frozen=True, slots=True)
class TakeEntry:
    """What was measured on one take, counted from 1.

    `gain_db` is the common gain of its stems, `null_dbfs` the peak of mix.wav minus the sum of
    the stem files as read back from disk (-200 when nothing is left). `silent` names the stems in
    which nothing is heard.
    """

    take: int
    seed: int
    gain_db: float
    null_dbfs: float
    report: Mapping[str, object]
    facts: Mapping[str, object]
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of a finished job; written last, so where it lies the job is whole."""

    backline: str
    created: str
    job: str
    request: Mapping[str, object]
    engine: Mapping[str, object]
    grid: Mapping[str, object]
    key: Mapping[str, object]
    melody: Mapping[str, object] | None
    position: Mapping[str, float]
    sections: tuple[Section, ...]
    stems: tuple[str, ...]
    takes: tuple[TakeEntry, ...]
    files: tuple[FileEntry, ...]

    def sound_path(self, stem: str | None, take: int) -> str:
        """Where the sound of a stem lies, or of the mix (None); raises StemError without one."""
        role = "mix" if stem is None else "stem"
        for entry in self.files:
            if (entry.role, entry.stem, entry.take) == (role, stem, take):
                return entry.path
        raise StemError(f"manifest names no sound of the {stem or 'mix'}, take {take}")

    def sounds(self) -> Iterator[tuple[str, str]]:
        """Give each stem of each take: a name such as "drums" or "drums take 2", and its file."""
        for take in self.takes:
            for stem in self.stems:
                name = stem if take.take == 1 else f"{stem} take {take.take}"
                yield name, self.sound_path(stem, take.take)

    def as_dict(self) -> dict[str, object]:
        """Give the manifest as plain JSON types, schema first."""
        return {"schema": SCHEMA} | {
            each.name: _plain(getattr(self, each.name)) for each in fields(self)
        }

    @classmethod
    def from_dict(cls, data: object) -> Manifest:
        """Read what as_dict gave; raises StemError for another schema or a missing field."""
        if not isinstance(data, dict):
            raise StemError("manifest must be a JSON object")
        if data.get("schema") != SCHEMA:
            raise StemError(
                f"manifest schema must be {SCHEMA}, not {data.get('schema')!r}: "
                "it was written by another version of backline"
            )
        try:
            values = {each.name: data[each.name] for each in fields(cls)}
            values["sections"] = tuple(Section(**each) for each in data["sections"])
            values["takes"] = tuple(
                TakeEntry(**{**each, "silent": tuple(each.get("silent", ()))})
                for each in data["takes"]
            )
            values["files"] = tuple(FileEntry(**each) for each in data["files"])
            values["stems"] = tuple(data["stems"])
            return cls(**values)
        except KeyError as missing:
            raise StemError(f"manifest lacks the field {missing}") from None
        except (AttributeError, TypeError) as wrong:
            raise StemError(f"manifest has a field of the wrong form: {wrong}") from None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write it so that `path` holds either all of it or what was there before.

    Raises StemError when a value is not JSON (NaN and infinity are not), OSError when the disk
    refuses.
    """
    try:
        text = json.dumps(manifest.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as wrong:
        raise StemError(f"manifest cannot be written as JSON: {wrong}") from None
    # A lone surrogate, as undecodable bytes of a command line give, becomes JSON's own escape.
    data = (text + "\n").encode("utf-8", "backslashreplace")
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def read_manifest(path: Path, *, check_files: bool = True, check_hashes: bool = False) -> Manifest:
    """Read the manifest of a job folder (or the file itself) and see that its files are there.

    With `check_files` each file must exist with the size written down, with `check_hashes` it
    must have the same SHA-256 as well. Raises StemError naming what is wrong.
    """
    file = path / MANIFEST_NAME if path.is_dir() else path
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise StemError(f"manifest {file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise StemError(f"manifest {file} is not JSON") from None
    manifest = Manifest.from_dict(data)
    for entry in manifest.files if check_files or check_hashes else ():
        _check_file(file.parent, entry, check_hashes)
    return manifest


def describe_file(
    folder: Path,
    path: str,
    role: str,
    *,
    stem: str | None = None,
    take: int | None = None,
    frames: int = 0,
) -> FileEntry:
    """Measure a written file (bytes, SHA-256) for the manifest; raises OSError."""
    file = folder / path
    return FileEntry(path, role, stem, take, file.stat().st_size, frames, sha256_of(file))


def sha256_of(file: Path) -> str:
    """Hash a file's bytes; raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_grid(grid: Grid, sample_rate: int) -> dict[str, object]:
    """Write a grid down as numbers: musical time, seconds, and frames at `sample_rate` Hz."""
    return {
        "bpm": grid.bpm,
        "meter": str(grid.meter),
        "bars": grid.bars,
        "beats": float(grid.beats),
        "seconds": float(grid.seconds),
        "sample_rate": sample_rate,
        "frames": grid.frames(sample_rate),
        "bar_frames": [grid.frame_at(beat, sample_rate) for beat in grid.bar_starts],
        "tempo_map": [
            {"beat": float(point.beat), "bpm": float(point.bpm), "ramp": point.ramp}
            for point in grid.tempo
        ],
        "meter_map": [{"bar": change.bar, "meter": str(change.meter)} for change in grid.meters],
    }


def grid_of(manifest: Manifest) -> Grid:
    """Return the grid that a manifest describes; raises StemError where it describes none."""
    facts = cast("dict[str, Any]", manifest.grid)
    try:
        tempo = tuple(
            TempoPoint(Fraction(str(p["beat"])), Fraction(str(p["bpm"])), bool(p["ramp"]))
            for p in facts["tempo_map"]
        )
        meters = tuple(
            MeterChange(int(c["bar"]), Meter.parse(str(c["meter"]))) for c in facts["meter_map"]
        )
        return Grid(int(facts["bars"]), tempo, meters)
    except (KeyError, TypeError, ValueError) as wrong:
        reason = str(wrong) if isinstance(wrong, GridError) else repr(wrong)
        raise StemError(f"the manifest's grid cannot be read: {reason}") from None


def describe_key(key: Key) -> dict[str, object]:
    """Write a key down by name and by its pitch classes (C is 0)."""
    return {"name": key.name, "tonic": key.tonic, "pitch_classes": list(key.pitch_classes)}


def describe_melody(melody: Melody | None) -> dict[str, object] | None:
    """Write down how much of the given melody is played, and what was changed to fit the grid."""
    if melody is None:
        return None
    return {
        "notes": len(melody.notes),
        "harmony_notes": len(melody.harmony),
        "changes": list(melody.changes),
    }


@cache
def backline_version() -> str:
    """The installed version, or "unknown" where the program runs without being installed."""
    try:
        return version("backline")
    except PackageNotFoundError:
        return "unknown"


def _plain(value: object) -> object:
    """Dataclasses, mappings and tuples as dicts and lists, down to the leaves."""
    if isinstance(value, Section | TakeEntry | FileEntry):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in cast(Mapping[str, object], value).items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _check_file(folder: Path, entry: FileEntry, check_hashes: bool) -> None:
    file = folder / entry.path
    if not file.is_file():
        raise StemError(f"manifest names {entry.path}, which is not in {folder}")
    size = file.stat().st_size
    if size != entry.bytes:
        raise StemError(f"{entry.path} has {size} bytes, its manifest says {entry.bytes}")
    if check_hashes and sha256_of(file) != entry.sha256:
        raise StemError(f"{entry.path} was changed after its manifest was written")
