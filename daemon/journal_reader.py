"""What can be read of the journal, by the daemon itself and by its other processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal_file import connect
from daemon.turns import Waiting

MAX_REPLAYED = 200  # events at a time: some 20 ms

_JOB_COLUMNS = (
    "number, owner, rid, digest, request, state, attempts, error_code, message, "
    "created_seconds, started_seconds, ended_seconds, source, priority, music_seconds, pace"
)


class JournalReader:
    """A journal that a daemon has open, to be read only; every method may be called by any thread.

    Reading waits for no writer, and keeps none waiting.
    """

    def __init__(self, path: Path) -> None:
        self._reading = threading.Lock()
        self._reader = connect(path)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    @property
    def epoch(self) -> int:
        """How often the journal was opened by a daemon."""
        return self.fact("epoch")

    @property
    def head_seq(self) -> int:
        """The number of the newest durable event, 0 before the first."""
        return int(self._value("SELECT MAX(seq) FROM events") or 0)

    def find(self, number: int) -> Job | None:
        """Return job `number`, or None."""
        return self._one("number = ?", number)

    def find_rid(self, owner: str, rid: str) -> Job | None:
        """Return the job that `owner` asked for under `rid`, or None."""
        return self._one("owner = ? AND rid = ?", owner, rid)

    def find_from(self, source: str, rid: str, digest: str = "") -> Job | None:
        """Return the job of a request from this very address, or None; if asked by its digest, too.

        It is that job whatever the client was called then and is called now.
        """
        newest = "source = ? AND rid = ? AND (? = '' OR digest = ?) ORDER BY number DESC LIMIT 1"
        return self._one(newest, source, rid, digest, digest) if source else None

    def newest_of_host(self, host: str) -> Job | None:
        """Return the job accepted last from an IP address, whatever its clients' ids, or None."""
        newest = "(owner = ? OR substr(owner, 1, length(?) + 1) = ? || '#')"
        return self._one(f"{newest} ORDER BY number DESC LIMIT 1", host, host, host)

    def in_state(self, state: JobState) -> list[Job]:
        """Return the jobs in `state`, oldest first."""
        return self._many("state = ? ORDER BY number", state)

    def waiting(self) -> list[Waiting]:
        """Return what decides when each queued job is played, oldest first."""
        query = (
            "SELECT number, owner, priority, pace, music_seconds FROM jobs "
            "WHERE state = ? ORDER BY number"
        )
        return [Waiting(*row) for row in self._rows(query, JobState.QUEUED)]

    def paces(self) -> dict[str, float]:
        """Return how many seconds a second of music takes, by what it is made with."""
        rows = self._rows("SELECT name, seconds / music_seconds FROM paces WHERE music_seconds > 0")
        return dict(rows)

    def page(self, offset: int, limit: int) -> tuple[list[Job], int]:
        """Return `limit` jobs after the newest `offset`, newest first, and how many there are."""
        jobs = self._many("1 ORDER BY number DESC LIMIT ? OFFSET ?", limit, offset)
        return jobs, int(self._value("SELECT COUNT(*) FROM jobs"))

    def count(self, state: JobState, before: int | None = None) -> int:
        """Return how many jobs are in `state`, if asked only those before number `before`."""
        query = "SELECT COUNT(*) FROM jobs WHERE state = ? AND number < ?"
        limit = 1 << 62 if before is None else before
        return int(self._value(query, state, limit))

    def stems(self, number: int) -> list[Event]:
        """Return the events of a job's files."""
        query = (
            "SELECT seq, details FROM events "
            "WHERE job = ? AND kind = ? AND json_valid(details) ORDER BY seq"
        )
        rows = self._rows(query, number, EventKind.STEM)
        if not rows:
            return []
        job = self._must_find(number)
        return [Event(seq, EventKind.STEM, job, json.loads(details)) for seq, details in rows]

    def clients(self) -> list[tuple[str, str, int]]:
        """Return address, id and reply port of those that introduced themselves, in their order."""
        return self._rows("SELECT source, client_id, port FROM clients ORDER BY rowid")

    def fact(self, name: str, default: int = 0) -> int:
        """Return a whole number that was kept under a name."""
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return int(rows[0][0]) if rows else default

    @property
    def first_seq(self) -> int:
        """The number of the oldest event that is kept, 0 where there is none."""
        return int(self._value("SELECT MIN(seq) FROM events") or 0)

    def events_after(
        self, seq: int, scope: str, owner: str, host: str, limit: int = MAX_REPLAYED
    ) -> tuple[list[Event], int]:
        """Return durable events after `seq` of jobs in scope, each job as it is now.

        `scope` is mine (of `owner`), host (of `host`) or all. Beside them is the number up to which
        all were looked at.
        """
        is_of_host = "(owner = ? OR substr(owner, 1, length(?) + 1) = ? || '#')"
        whose, values = {
            "all": ("1", ()),
            "mine": ("owner = ?", (owner,)),
            "host": (is_of_host, (host, host, host)),
        }[scope]
        head = self.head_seq
        rows = self._rows(
            "SELECT seq, kind, details, job FROM events JOIN jobs ON jobs.number = events.job "
            f"WHERE {whose} AND seq > ? AND json_valid(details) ORDER BY seq LIMIT ?",
            *values, seq, limit,
        )  # fmt: skip
        jobs = {number: self.find(number) for number in {row[3] for row in rows}}
        events = [
            Event(number, EventKind(kind), job, json.loads(details))
            for number, kind, details, job_number in rows
            if (job := jobs[job_number]) is not None and kind in set(EventKind)
        ]
        return events, rows[-1][0] if len(rows) == limit else head

    def events_of(self, job: Job, after_seq: int = 0) -> list[Event]:
        """Return the durable events of a job after number `after_seq`."""
        rows = self._rows(
            "SELECT seq, kind, details FROM events "
            "WHERE job = ? AND seq > ? AND json_valid(details) ORDER BY seq",
            job.number, after_seq,
        )  # fmt: skip
        return [
            Event(seq, EventKind(kind), job, json.loads(details))
            for seq, kind, details in rows
            if kind in set(EventKind)
        ]

    def paths_of_sound(self, sha256: str) -> list[str]:
        """Return where sounds with that hash (64 hexadecimal digits) were written, newest first."""
        rows = self._rows(
            "SELECT json_extract(details, '$.path') FROM events WHERE kind = ? "
            "AND json_valid(details) AND json_extract(details, '$.sha256') = ? "
            "ORDER BY seq DESC LIMIT 20",
            EventKind.STEM, f"sha256:{sha256}",
        )  # fmt: skip
        return [str(row[0]) for row in rows]

    def _must_find(self, number: int) -> Job:
        job = self.find(number)
        assert job is not None, "the job was written in the same transaction"
        return job

    def _one(self, condition: str, *values: object) -> Job | None:
        jobs = self._many(condition, *values)
        return jobs[0] if jobs else None

    def _many(self, condition: str, *values: object) -> list[Job]:
        return [job_of(row) for row in self._rows(jobs_where(condition), *values)]

    def _value(self, query: str, *values: object) -> Any:
        return self._rows(query, *values)[0][0]

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._reading:
            return self._reader.execute(query, values).fetchall()


def jobs_where(condition: str) -> str:
    """Return the query for rows that job_of() reads."""
    return f"SELECT {_JOB_COLUMNS} FROM jobs WHERE {condition}"


def job_of(row: Sequence[Any]) -> Job:
    """Return the job of a row."""
    number, owner, rid, digest, request, state, *rest = row
    return Job(number, owner, rid, digest, json.loads(request), JobState(state), *rest)
