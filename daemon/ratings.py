"""Ratings of results, 1 to 5: a small file beside the manifest, which goes with the result."""

from __future__ import annotations

import json
import os
from pathlib import Path

from daemon.errors import DaemonError, UsageError
from midi.user_file import read_bytes
from osc_protocol.jobs import MAX_RATING
from stems.manifest import rating_path

MAX_BYTES = 1000


def rate(manifest: Path, rating: int) -> None:
    """Write the rating of a result durably, 0 to take it back; raises DaemonError, UsageError."""
    if not 0 <= rating <= MAX_RATING:
        raise UsageError(f"rating must be from 1 to {MAX_RATING}, or 0 for none, not {rating}")
    path = rating_path(manifest)
    partial = path.with_name(f".{path.name}.partial")
    try:
        if not rating:
            path.unlink(missing_ok=True)
            return
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"rating": rating}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise DaemonError(f"rating {path} cannot be written: {error.strerror}") from error


def rating_of(manifest: Path) -> int:
    """Return the rating of a result, 0 for none."""
    try:
        rating = json.loads(read_bytes(rating_path(manifest), MAX_BYTES))["rating"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return 0
    return rating if type(rating) is int and 0 < rating <= MAX_RATING else 0
