"""Ratings of results, 1 to 5: a small file beside the manifest, which goes with the result.

It names the manifest it was given for, so that the next result in the same folder is not rated.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from daemon.errors import DaemonError, UsageError
from midi.user_file import read_bytes

LOWEST, HIGHEST = 1, 5
MAX_BYTES = 1 << 26


def rate(manifest: Path, rating: int) -> None:
    """Write the rating of a result durably, 0 to take it back; raises DaemonError, UsageError."""
    if rating and not LOWEST <= rating <= HIGHEST:
        raise UsageError(f"rating must be from {LOWEST} to {HIGHEST}, or 0 for none, not {rating}")
    path, made = _path(manifest), _made(manifest)
    if not made:
        raise DaemonError(f"there is no result to rate at {manifest}")
    partial = path.with_name(f".{path.name}.partial")
    try:
        if not rating:
            path.unlink(missing_ok=True)
            return
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"rating": rating, "created": made}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise DaemonError(f"rating {path} cannot be written: {error.strerror}") from error


def rating_of(manifest: Path) -> int:
    """Return the rating of a result, 0 for none."""
    found = _read(_path(manifest))
    rating = found.get("rating")
    if not isinstance(rating, int) or not LOWEST <= rating <= HIGHEST:
        return 0
    return rating if found.get("created") == _made(manifest) else 0


def _path(manifest: Path) -> Path:
    """rating.json of manifest.json, song_rating.json of song_manifest.json."""
    return manifest.with_name(manifest.name.replace("manifest", "rating"))


def _made(manifest: Path) -> str:
    return str(_read(manifest).get("created") or "")


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(read_bytes(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
