"""Disk space held back, so that the end of a job can be written when the disk is full."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("backline.queue")

RESERVE_BYTES = 2 << 20  # thousands of ends, and the write-ahead log's first pages


class DiskReserve:
    """A file in the home that is full of nothing, until its space is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def hold(self) -> None:
        """Take the space, where there is twice as much; a disk that cannot give it is left."""
        with suppress(OSError):
            there = self._path.stat().st_size if self._path.exists() else 0
            free = shutil.disk_usage(self._path.parent).free
            if there < RESERVE_BYTES and free > 2 * RESERVE_BYTES:
                with self._path.open("wb") as file:
                    for _ in range(RESERVE_BYTES >> 16):  # not sparse: each block is written
                        file.write(b"\xff" * (1 << 16))
                    file.flush()
                    os.fsync(file.fileno())

    def release(self) -> bool:
        """Give the space back; says whether there was any."""
        with suppress(OSError):
            if self._path.exists() and self._path.stat().st_size:
                os.truncate(self._path, 0)
                log.warning("the disk is full; %s gave its space for the journal", self._path.name)
                return True
        return False
