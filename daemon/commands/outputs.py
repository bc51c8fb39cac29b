"""Files and folders that a command writes: there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import DaemonError


@contextmanager
def written_to(path: Path, option: str) -> Iterator[None]:
    """Turn what the disk says while `path` is written into a DaemonError that names the option."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DaemonError(f"{option} {str(path)!r} cannot be written: {reason}") from error


@contextmanager
def written_whole(path: Path, option: str) -> Iterator[Path]:
    """Give a hidden place beside `path` that becomes it at the end; after an error it is gone."""
    partial = path.with_name(f".{path.name}.partial")
    with written_to(path, option):
        _remove(partial)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
