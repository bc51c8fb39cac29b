"""When a job will be done, by how long earlier ones of its kind took on this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress

from daemon.jobs import Job, JobState
from daemon.journal import Journal
from daemon.turns import Waiting

UNKNOWN = -1.0  # seconds


class Estimates:
    """The paces that the journal keeps; for one thread at a time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._paces = journal.paces()

    def learn(self, job: Job) -> None:
        """Remember how long a job that is done took, for the estimates of the next ones."""
        if job.state is not JobState.DONE or not job.music_seconds or not job.elapsed_seconds:
            return
        with suppress(sqlite3.Error):
            self._journal.learn_pace(job.pace, job.elapsed_seconds, job.music_seconds)
            self._paces = self._journal.paces()

    def seconds_until(
        self, number: int, running: Job | None, fraction: float, order: Iterable[Waiting]
    ) -> float:
        """Return when a job that runs, or is in `order`, will be done; UNKNOWN where nobody knows.

        Of the job that runs that `fraction` is done.
        """
        ahead = 0.0
        if running is not None:
            whole = self._seconds(running.pace, running.music_seconds)
            ahead = whole * (1.0 - fraction) if whole >= 0 else UNKNOWN
            if running.number == number:
                return ahead
        for each in order:
            seconds = self._seconds(each.pace, each.music_seconds)
            if ahead < 0 or seconds < 0:
                return UNKNOWN
            ahead += seconds
            if each.number == number:
                return ahead
        return UNKNOWN

    def _seconds(self, pace: str, music_seconds: float) -> float:
        known = self._paces.get(pace, 0.0)
        return known * music_seconds if known and music_seconds else UNKNOWN
