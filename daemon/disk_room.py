"""Whether there is room for what a job will make."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from osc_protocol.errors import Code, ProtocolError

BYTES_A_SECOND = 2 * 48_000 * 2 * 4 * 5  # of music: four stems and the mix, twice
LOOK_SECONDS = 1.0  # what was found free counts for so long


class DiskRoom:
    """The disk below a folder, of which `reserve_bytes` are to stay free; for one thread a time."""

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        self._folder, self._reserve_bytes = folder, reserve_bytes
        self._free_bytes, self._looked_seconds = 0, -LOOK_SECONDS

    def check(self, music_seconds: float) -> None:
        """Refuse a job for which there is no room; raises ProtocolError."""
        needed = self._reserve_bytes + int(music_seconds * BYTES_A_SECOND)
        now = time.monotonic()
        if self._free_bytes >= needed and now - self._looked_seconds < LOOK_SECONDS:
            return
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:  # playing it will say what is wrong with the folder
            return
        self._free_bytes, self._looked_seconds = free, now
        if free < needed:
            sentence = f"{free >> 20} MiB are free on the disk, and {needed >> 20} MiB are needed"
            raise ProtocolError(Code.DISK_FULL, f"{sentence}; make room and send it again")
