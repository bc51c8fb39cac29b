"""The journal of the daemon: every job and its events, in one SQLite file.

Write-ahead logging with synchronous=NORMAL: what was committed survives the death of the daemon
at any point (kill -9), not a power cut in the last moments. A change of state and the event that
reports it are one transaction, so no client learns of a thing that a restart forgets.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.errors import DaemonError
from daemon.jobs import Event, EventKind, Job, JobState

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    rid TEXT NOT NULL,
    digest TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    error_code INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    created_seconds REAL NOT NULL,
    started_seconds REAL NOT NULL DEFAULT 0,
    ended_seconds REAL NOT NULL DEFAULT 0,
    UNIQUE (owner, rid)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs (number),
    kind TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job, seq);
"""


class Journal:
    """The open journal file; every method may be called from any thread.

    `epoch` counts how often this journal was opened, so that clients can see a restart.
    Raises DaemonError when the file is not a journal of this version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()  # nobody reads in the middle of another's transaction
        self._db = _open(path)
        with self._transaction():
            self._db.execute(
                "INSERT INTO facts VALUES ('epoch', 1) "
                "ON CONFLICT (name) DO UPDATE SET value = value + 1"
            )
        self.epoch = int(self._value("SELECT value FROM facts WHERE name = 'epoch'"))

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._db.close()

    @property
    def head_seq(self) -> int:
        """The number of the newest durable event, 0 before the first."""
        return int(self._value("SELECT MAX(seq) FROM events") or 0)

    def add(
        self, owner: str, rid: str, digest: str, request: Mapping[str, object], position: int
    ) -> Event:
        """Write a new queued job and return its event."""
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO jobs (owner, rid, digest, request, state, created_seconds) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (owner, rid, digest, json.dumps(request), JobState.QUEUED, time.time()),
            )
            number = int(cursor.lastrowid or 0)
            seq = self._write_event(number, EventKind.QUEUED, {"position": position})
        return Event(seq, EventKind.QUEUED, self._must_find(number), {"position": position})

    def start(self, number: int) -> Event:
        """Write that a queued job begins to run."""
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET state = ?, attempts = attempts + 1, started_seconds = ? "
                "WHERE number = ?",
                (JobState.RUNNING, time.time(), number),
            )
            seq = self._write_event(number, EventKind.STARTED, {})
        return Event(seq, EventKind.STARTED, self._must_find(number))

    def finish(
        self,
        number: int,
        state: JobState,
        *,
        error_code: int = 0,
        message: str = "",
        stems: Sequence[Mapping[str, object]] = (),
    ) -> list[Event]:
        """Write a job's end with the files it made; returns one event a file, then the end."""
        ended: list[tuple[int, EventKind, Mapping[str, object]]] = []
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET state = ?, error_code = ?, message = ?, ended_seconds = ? "
                "WHERE number = ?",
                (state, error_code, message, time.time(), number),
            )
            for stem in stems:
                seq = self._write_event(number, EventKind.STEM, stem)
                ended.append((seq, EventKind.STEM, stem))
            seq = self._write_event(number, EventKind.FINISHED, {})
            ended.append((seq, EventKind.FINISHED, {}))
        job = self._must_find(number)
        return [Event(seq, kind, job, details) for seq, kind, details in ended]

    def requeue(self, number: int, *, keep_attempt: bool) -> None:
        """Put a job that was interrupted back at its place in the queue."""
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET state = ?, attempts = attempts - ? WHERE number = ?",
                (JobState.QUEUED, 0 if keep_attempt else 1, number),
            )

    def find(self, number: int) -> Job | None:
        """Return job `number`, or None."""
        return self._one("number = ?", number)

    def find_rid(self, owner: str, rid: str) -> Job | None:
        """Return the job that `owner` asked for under `rid`, or None."""
        return self._one("owner = ? AND rid = ?", owner, rid)

    def newest_of_host(self, host: str) -> Job | None:
        """Return the job accepted last from an IP address, whatever its clients' ids, or None."""
        newest = "(owner = ? OR substr(owner, 1, length(?) + 1) = ? || '#')"
        return self._one(f"{newest} ORDER BY number DESC LIMIT 1", host, host, host)

    def in_state(self, state: JobState) -> list[Job]:
        """Return the jobs in `state`, oldest first."""
        return self._many("state = ? ORDER BY number", state)

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
        query = "SELECT seq, details FROM events WHERE job = ? AND kind = ? ORDER BY seq"
        rows = self._rows(query, number, EventKind.STEM)
        if not rows:
            return []
        job = self._must_find(number)
        return [Event(seq, EventKind.STEM, job, json.loads(details)) for seq, details in rows]

    def _write_event(self, number: int, kind: EventKind, details: Mapping[str, object]) -> int:
        cursor = self._db.execute(
            "INSERT INTO events (job, kind, details) VALUES (?, ?, ?)",
            (number, kind, json.dumps(details)),
        )
        return int(cursor.lastrowid or 0)

    def _must_find(self, number: int) -> Job:
        job = self.find(number)
        assert job is not None, "the job was written in the same transaction"
        return job

    def _one(self, condition: str, *values: object) -> Job | None:
        jobs = self._many(condition, *values)
        return jobs[0] if jobs else None

    def _many(self, condition: str, *values: object) -> list[Job]:
        query = f"SELECT * FROM jobs WHERE {condition}"
        return [
            Job(number, owner, rid, digest, json.loads(request), JobState(state), *rest)
            for number, owner, rid, digest, request, state, *rest in self._rows(query, *values)
        ]

    def _value(self, query: str, *values: object) -> Any:
        return self._rows(query, *values)[0][0]

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    database = None
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version in (0, SCHEMA):
            database.executescript(_TABLES)
            database.execute(f"PRAGMA user_version={SCHEMA}")
            return database
        problem = f"is of version {version}, this program writes {SCHEMA}"
    except sqlite3.Error as error:
        problem = f"cannot be opened: {error}"
    if database is not None:
        database.close()
    raise DaemonError(f"journal {str(path)!r} {problem}")
