"""The manifest: what was asked, what plays, what was measured, and every file with its hash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import cast

from diffusion.facts import EngineDescription
from midi.grid import Grid
from midi.user_file import read_bytes
from stems.entries import (
    FileEntry,
    GridEntry,
    KeyEntry,
    LengthEntry,
    MelodyEntry,
    PositionEntry,
    Section,
    TakeEntry,
)
from stems.errors import StemError
from stems.facts import SplitterDescription
from stems.plain import EMPTY, as_plain, from_plain

SCHEMA = "backline.manifest/1"
MAX_MANIFEST_BYTES = 1 << 26
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of a finished job; written last, so where it lies the job is whole.

    `backline` is the program's version, `created` an ISO time. `request` is the canonical JSON of
    what was asked for, which has a schema of its own. A recording that was split has a splitter
    as `engine`, its length as `grid`, and {} as `key`.
    """

    backline: str
    created: str
    job: str
    request: Mapping[str, object]
    engine: SplitterDescription | EngineDescription
    grid: GridEntry | LengthEntry
    key: KeyEntry | None = field(metadata=EMPTY)
    melody: MelodyEntry | None
    position: PositionEntry
    sections: tuple[Section, ...]
    stems: tuple[str, ...]
    takes: tuple[TakeEntry, ...]
    files: tuple[FileEntry, ...]

    @property
    def project(self) -> str:
        """The project's name that was given with the request, or ""."""
        return str(self.request.get("project") or "")

    def remarks(self) -> tuple[str, ...]:
        """Say what was not understood or is played otherwise than asked, each sentence once."""
        melody = [f"melody: {change}" for change in self.melody.changes] if self.melody else []
        takes = (remark for take in self.takes for remark in take.facts.all_remarks)
        return tuple(dict.fromkeys([*takes, *melody]))

    def sound_path(self, stem: str | None, take: int) -> str:
        """Where the sound of a stem lies, or of the mix (None); raises StemError without one."""
        role = "mix" if stem is None else "stem"
        for entry in self.files:
            if (entry.role, entry.stem, entry.take) == (role, stem, take):
                return entry.path
        raise StemError(f"manifest names no sound of the {stem or 'mix'}, take {take}")

    def sound_paths(self, take: int) -> tuple[str, ...]:
        """Where the sounds of a take lie, stems and mix."""
        roles = "mix", "stem"
        return tuple(each.path for each in self.files if each.role in roles and each.take == take)

    def sounds(self) -> Iterator[tuple[str, str]]:
        """Give each stem of each take: a name such as "drums" or "drums take 2", and its file."""
        for take in self.takes:
            for stem in self.stems:
                name = stem if take.take == 1 else f"{stem} take {take.take}"
                yield name, self.sound_path(stem, take.take)

    def as_dict(self) -> dict[str, object]:
        """Give the manifest as plain JSON types, schema first."""
        return {"schema": SCHEMA, **as_plain(self)}

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
        missing = next((each.name for each in fields(cls) if each.name not in data), None)
        if missing:
            raise StemError(f"manifest lacks the field {missing!r}")
        try:
            return cast(Manifest, from_plain(cls, data))
        except TypeError as wrong:
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
        data = json.loads(read_bytes(file, MAX_MANIFEST_BYTES))
    except OSError as error:
        raise StemError(f"manifest {file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise StemError(f"manifest {file} is not JSON") from None
    manifest = Manifest.from_dict(data)
    for entry in manifest.files if check_files or check_hashes else ():
        _check_file(file.parent, entry, check_hashes)
    return manifest


def rating_path(manifest: Path) -> Path:
    """Return where the rating of a result lies: rating.json beside manifest.json."""
    return manifest.with_name(manifest.name.replace("manifest", "rating"))


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


def grid_of(manifest: Manifest) -> Grid:
    """Return the grid that a manifest describes; raises StemError where it describes none."""
    if isinstance(manifest.grid, LengthEntry):
        raise StemError("it is a split recording, which has no tempo and no bars")
    return manifest.grid.grid()


def _check_file(folder: Path, entry: FileEntry, check_hashes: bool) -> None:
    file = folder / entry.path
    if not file.is_file():
        raise StemError(f"manifest names {entry.path}, which is not in {folder}")
    size = file.stat().st_size
    if size != entry.bytes:
        raise StemError(f"{entry.path} has {size} bytes, its manifest says {entry.bytes}")
    if check_hashes and sha256_of(file) != entry.sha256:
        raise StemError(f"{entry.path} was changed after its manifest was written")
