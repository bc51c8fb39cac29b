"""The shelf: snapshots of weights on this machine, each known by its hash and never changed.

MODELS/<name>/<first 12 digits of its hash>/ holds the files, <same>.json beside it the record:
where they come from, and the SHA-256 of each. A folder elsewhere may be recorded without a copy.
Several snapshots of one name may stay, so that an old result can be made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from diffusion.errors import ModelError
from diffusion.facts import SnapshotWeights
from diffusion.models.catalogue import (
    CODE_PLANNER,
    SPLITTER,
)
from diffusion.models.layout import code_planner_folders, music_folders, splitter_folders

SHORT = 12  # digits of a hash that stand for it
SKIPPED = (".cache", ".git")
FOLDERS_OF = {SPLITTER: splitter_folders, CODE_PLANNER: code_planner_folders}  # else of music

Progress = Callable[[str, int, int], None]  # file, bytes done, bytes in all


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Weights on the shelf; `files` has the bytes and SHA-256 of each path in `folder`.

    `sha256` is the hash of them all: of the lines "<sha256>  <path>" in order of path.
    """

    name: str
    kind: str
    repository: str
    revision: str
    sha256: str
    added: str
    folder: Path
    files: Mapping[str, Mapping[str, Any]]
    record: Path

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(int(entry["bytes"]) for entry in self.files.values())

    @property
    def tensor_files(self) -> list[Path]:
        """The `.safetensors` files."""
        return [self.folder / name for name in self.files if name.endswith(".safetensors")]

    def describe(self) -> SnapshotWeights:
        """What goes into a manifest: enough to find these very weights again."""
        return SnapshotWeights(self.name, self.repository, self.revision, self.sha256)


def snapshots(root: Path) -> list[Snapshot]:
    """All readable snapshots, the newest first."""
    found = [_read(path) for path in sorted(root.glob("*/*.json"))]
    return sorted((each for each in found if each), key=lambda each: each.added, reverse=True)


def add(
    root: Path,
    name: str,
    kind: str,
    folder: Path,
    *,
    repository: str = "",
    revision: str = "",
    progress: Progress = lambda file, done, total: None,
) -> Snapshot:
    """Hash weights in a layout of ACE-Step, or a splitter's, and put them on record.

    They stay where they lie, but a folder inside `root` that holds all of them is moved to its
    place on the shelf. Raises ModelError.
    """
    folder = folder.resolve()
    folders = FOLDERS_OF.get(kind, music_folders)(folder)
    files = _hashed(folders, progress)
    lines = "".join(f"{entry['sha256']}  {path}\n" for path, entry in sorted(files.items()))
    sha256 = hashlib.sha256(lines.encode()).hexdigest()
    place = root / name / sha256[:SHORT]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if len(folders) == 1 and root.resolve() in folder.parents and folder != place:
            if place.exists():
                shutil.rmtree(place)
            folder = Path(shutil.move(folder, place))
        record = place.with_name(f"{place.name}.json")
        fields = {
            "name": name, "kind": kind, "repository": repository, "revision": revision,
            "sha256": sha256, "added": datetime.now(UTC).isoformat(),
            "folder": place.name if folder == place else str(folder), "files": files,
        }  # fmt: skip
        partial = record.with_suffix(".partial")
        partial.write_text(json.dumps(fields, indent=1) + "\n", "utf-8", newline="\n")
        os.replace(partial, record)
    except OSError as error:
        raise ModelError(f"{root} cannot be written to: {error.strerror or error}") from error
    found = _read(record)
    assert found is not None
    return found


def faults(
    snapshot: Snapshot,
    *,
    hashes: bool = True,
    progress: Progress = lambda file, done, total: None,
) -> Iterator[str]:
    """Say what is wrong with a snapshot's files, a sentence each; without `hashes` only sizes."""
    done = 0
    for path, entry in snapshot.files.items():
        file = snapshot.folder / path
        progress(path, done, snapshot.bytes)
        done += int(entry["bytes"])
        if not file.is_file():
            yield f"{path} is missing"
        elif file.stat().st_size != entry["bytes"]:
            yield f"{path} has {file.stat().st_size} bytes instead of {entry['bytes']}"
        elif hashes and _sha256(file) != entry["sha256"]:
            yield f"{path} is damaged: its SHA-256 is not the one on record"


def remove(root: Path, snapshot: Snapshot) -> None:
    """Take a snapshot off the shelf; files outside `root` stay where they are."""
    try:
        if root.resolve() in snapshot.folder.resolve().parents and snapshot.folder.exists():
            shutil.rmtree(snapshot.folder)
        snapshot.record.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be removed: {error.strerror}") from error


def _read(record: Path) -> Snapshot | None:
    try:
        fields = json.loads(record.read_bytes())
        fields["folder"] = record.parent / fields["folder"]
        return Snapshot(**fields, record=record)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # no record of ours, or a damaged one: the weights can be added again


def _hashed(folders: Sequence[Path], progress: Progress) -> dict[str, dict[str, object]]:
    """Bytes and SHA-256 of all files, under their paths from the first of the folders."""
    paths = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not set(path.relative_to(folder).parts) & set(SKIPPED)
    )
    sizes = {path: path.stat().st_size for path in paths}
    files: dict[str, dict[str, object]] = {}
    done = 0
    for path, size in sizes.items():
        name = Path(os.path.relpath(path, folders[0])).as_posix()
        progress(name, done, sum(sizes.values()))
        files[name] = {"bytes": size, "sha256": _sha256(path)}
        done += size
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
