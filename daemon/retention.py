"""Which results go when they are too old or take too much room, and how they are deleted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon import job_folders
from daemon.errors import DaemonError
from daemon.library import Entry, entries, needed_folders
from daemon.limits import Limits

AGAIN_SECONDS = 3600.0  # in a daemon to which nothing happens
BUSY_SECONDS = 60.0  # in one whose jobs leave no pause

log = logging.getLogger("backline.retention")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be deleted, with its size, oldest first, and how much would be left."""

    going: tuple[tuple[Entry, int], ...]
    left_bytes: int

    @property
    def going_bytes(self) -> int:
        """How much room it makes."""
        return sum(size for _, size in self.going)


def plan(home: Path, limits: Limits) -> Plan:
    """Say which results go: first those that are too old, then the oldest until there is room.

    Jobs that wait or run, results that these read, and what is no folder of its own stay.
    """
    needed = needed_folders(home)
    found = [
        (entry, job_folders.bytes_in(entry.folder))
        for entry in entries(home)
        if entry.folder.is_dir() and not entry.folder.is_symlink()
    ][::-1]
    left = sum(size for _, size in found)
    going: list[tuple[Entry, int]] = []
    born_before = time.time() - limits.older_seconds if limits.older_seconds else 0.0
    for entry, size in found:
        job = entry.job
        if job.number in needed or (limits.keep_rated and entry.rating):
            continue
        ended = job.ended_seconds or job.created_seconds
        if ended < born_before or (limits.over_bytes and left > limits.over_bytes):
            going.append((entry, size))
            left -= size
    return Plan(tuple(going), left)


def carry_out(home: Path, going: Plan) -> Iterator[tuple[Entry, int, str]]:
    """Delete what was planned; gives each with its size and, where it is still there, why."""
    job_folders.sweep(home / "jobs")
    for entry, size in going.going:
        why = ""
        try:
            if not job_folders.delete(
                home / "jobs", entry.job.number, lambda: needed_folders(home)
            ):
                why = "a job that waits or runs needs it"
        except DaemonError as error:
            why = str(error)
        yield entry, size, why


class Retention:
    """Keeps a daemon's results within limits, in a thread of its own.

    It works when nothing else goes on, and where that never is, beside the jobs once a minute.
    """

    def __init__(self, home: Path, limits: Limits) -> None:
        self._home, self._limits = home, limits
        self._thread: threading.Thread | None = None
        self._seen, self._next_seconds = -1, 0.0
        self._looked_seconds = time.monotonic()

    def look(self, seq: int, *, is_calm: bool = True) -> None:
        """Begin to delete what is over the limits, if anything has happened since, or an hour has.

        `seq` is the number of the newest event, `is_calm` whether no job waits or runs.
        """
        now = time.monotonic()
        if not is_calm and now < self._looked_seconds + BUSY_SECONDS:
            return
        busy = self._thread is not None and self._thread.is_alive()
        if self._limits.are_off or busy or (seq == self._seen and now < self._next_seconds):
            return
        self._seen, self._next_seconds, self._looked_seconds = seq, now + AGAIN_SECONDS, now
        self._thread = threading.Thread(target=self._enforce, name="retention", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until what has begun is done."""
        if self._thread is not None:
            self._thread.join()

    def _enforce(self) -> None:
        try:
            for entry, size, why in carry_out(self._home, plan(self._home, self._limits)):
                done = f"left: {why}" if why else f"deleted, {size} bytes"
                log.info("job %d: %s", entry.job.number, done)
        except Exception:  # the next look may go better; the daemon serves on
            log.exception("the results could not be looked through")
