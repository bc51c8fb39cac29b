"""How jobs have ended, kept until it is on disk."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from daemon.disk_reserve import DiskReserve
from daemon.jobs import Event, Job, JobState
from daemon.journal import Journal
from daemon.journal_file import is_locked

log = logging.getLogger("backline.queue")

RETRY_SECONDS = 1.0  # between two tries to write what must be written


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended; `stems` are the fields of the events of its files."""

    job: Job
    state: JobState
    code: int = 0
    message: str = ""
    stems: Sequence[Mapping[str, object]] = ()


class Endings:
    """Ends of jobs in their order, tried to be written as long as it takes.

    `written` gets the events of each once it is on disk, `try_again` is called in a thread of its
    own some time after a write has failed. For one thread at a time.
    """

    def __init__(
        self,
        journal: Journal,
        reserve: DiskReserve,
        written: Callable[[Sequence[Event]], None],
        try_again: Callable[[], None],
    ) -> None:
        self._journal, self._reserve = journal, reserve
        self._written, self._try_again = written, try_again
        self._waiting: list[Ending] = []
        self._retry: threading.Timer | None = None

    def add(self, ending: Ending) -> None:
        """Write one, or keep it until it can be."""
        self._waiting.append(ending)
        self.settle()

    def settle(self) -> bool:
        """Write and tell how jobs have ended; False while the journal cannot be written."""
        while self._waiting:
            ending = self._waiting[0]
            try:
                events = self._journal.finish(
                    ending.job.number, ending.state, error_code=ending.code,
                    message=ending.message, stems=ending.stems,
                )  # fmt: skip
            except sqlite3.Error as error:
                if not is_locked(error) and self._reserve.release():
                    continue
                self.retry_later(error)
                return False
            self._waiting.pop(0)
            self._written(events)
        return True

    def retry_later(self, error: sqlite3.Error) -> None:
        """Have what could not be written tried again, as long as it takes."""
        if self._retry is None:
            log.error("the journal cannot be written (%s); trying again until it can", error)
        elif self._retry.is_alive() and threading.current_thread() is not self._retry:
            return
        self._retry = threading.Timer(RETRY_SECONDS, self._try_again)
        self._retry.daemon = True
        self._retry.start()

    def again(self, go: Callable[[], None]) -> None:
        """Do what was to be tried again, which may call retry_later() once more."""
        retry = self._retry
        go()
        if self._retry is retry:
            self._retry = None

    def hold_reserve(self) -> None:
        """Take the space for the journal back, where nothing waits for it."""
        if not self._waiting:
            self._reserve.hold()

    def close(self) -> None:
        """Write what can be written, and say what is lost."""
        self.settle()
        if self._retry is not None:
            self._retry.cancel()
        for ending in self._waiting:
            log.error("job %d is %s, and this is not on disk", ending.job.number, ending.state)
