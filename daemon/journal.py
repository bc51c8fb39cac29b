"""The journal of the daemon: every job and its events, in one SQLite file.

Write-ahead logging with synchronous=NORMAL: what was committed survives the death of the daemon
at any point (kill -9), not a power cut in the last moments. A change of state and the event that
reports it are one transaction, so no client learns of a thing that a restart forgets.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal_file import connect, open_journal
from daemon.turns import Waiting

MAX_REPLAYED = 1_000  # events at a time
PACE_KEPT = 0.8  # of what is known of a pace, each time something new is learned
MAX_CLIENTS = 10_000  # whose ids are remembered; those met longest ago go first

_JOB_COLUMNS = (
    "number, owner, rid, digest, request, state, attempts, error_code, message, "
    "created_seconds, started_seconds, ended_seconds, source, priority, music_seconds, pace"
)


class Journal:
    """The open journal file; every method may be called from any thread.

    `epoch` counts how often this journal was opened, so that clients can see a restart; `remarks`
    are sentences on what was damaged and set aside; `head_seq` is the number of the newest durable
    event, 0 before the first. Writing waits while another program has the
    file locked, reading does not; a write that fails raises sqlite3.Error and changes nothing.
    Raises DaemonError when the file is not a journal of this version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()  # one transaction at a time
        self._reading = threading.Lock()
        self.head_seq = 0
        self._db, self.remarks = open_journal(path, path.parent / "jobs")
        self._reader = connect(path)
        with self._transaction():
            self._db.execute(
                "INSERT INTO facts VALUES ('epoch', 1) "
                "ON CONFLICT (name) DO UPDATE SET value = value + 1"
            )
        self.epoch = int(self._value("SELECT value FROM facts WHERE name = 'epoch'"))
        self.head_seq = int(self._value("SELECT MAX(seq) FROM events") or 0)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._reader.close()
        self._db.close()

    def add(
        self,
        owner: str,
        rid: str,
        digest: str,
        request: Mapping[str, object],
        position: int,
        *,
        source: str = "",
        priority: int = 0,
        music_seconds: float = 0.0,
        pace: str = "",
    ) -> Event:
        """Write a new queued job and return its event."""
        queued, now, details = JobState.QUEUED, time.time(), {"position": position}
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO jobs (owner, rid, digest, request, state, created_seconds, source, "
                "priority, music_seconds, pace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (owner, rid, digest, json.dumps(request), queued, now, source, priority,
                 music_seconds, pace),
            )  # fmt: skip
            number = int(cursor.lastrowid or 0)
            seq = self._write_event(number, EventKind.QUEUED, details)
        job = Job(
            number, owner, rid, digest, request, queued, created_seconds=now, source=source,
            priority=priority, music_seconds=music_seconds, pace=pace,
        )  # fmt: skip
        return Event(seq, EventKind.QUEUED, job, details)

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

    def learn_pace(self, name: str, seconds: float, music_seconds: float) -> None:
        """Write down how long so much music took; later jobs count more than earlier ones."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO paces VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "seconds = seconds * ? + excluded.seconds, "
                "music_seconds = music_seconds * ? + excluded.music_seconds",
                (name, seconds, music_seconds, PACE_KEPT, PACE_KEPT),
            )

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

    def remember_client(self, source: str, client_id: str, port: int) -> None:
        """Write down under which id, and for which reply port, an address has introduced itself."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?)",
                (source, client_id, port, time.time()),
            )
            self._db.execute(
                "DELETE FROM clients WHERE rowid <= (SELECT MAX(rowid) FROM clients) - ?",
                (MAX_CLIENTS,),
            )

    def clients(self) -> list[tuple[str, str, int]]:
        """Return address, id and reply port of those that introduced themselves, in their order."""
        return self._rows("SELECT source, client_id, port FROM clients ORDER BY rowid")

    def fact(self, name: str, default: int = 0) -> int:
        """Return a whole number that was kept under a name."""
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return int(rows[0][0]) if rows else default

    def keep_fact(self, name: str, value: int) -> None:
        """Keep a whole number under a name."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

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

    def _write_event(self, number: int, kind: EventKind, details: Mapping[str, object]) -> int:
        cursor = self._db.execute(
            "INSERT INTO events (job, kind, details) VALUES (?, ?, ?)",
            (number, kind, json.dumps(details)),
        )
        self.head_seq = int(cursor.lastrowid or 0)
        return self.head_seq

    def _must_find(self, number: int) -> Job:
        job = self.find(number)
        assert job is not None, "the job was written in the same transaction"
        return job

    def _one(self, condition: str, *values: object) -> Job | None:
        jobs = self._many(condition, *values)
        return jobs[0] if jobs else None

    def _many(self, condition: str, *values: object) -> list[Job]:
        query = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE {condition}"
        return [
            Job(number, owner, rid, digest, json.loads(request), JobState(state), *rest)
            for number, owner, rid, digest, request, state, *rest in self._rows(query, *values)
        ]

    def _value(self, query: str, *values: object) -> Any:
        return self._rows(query, *values)[0][0]

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._reading:
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            head_before = self.head_seq
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self.head_seq = head_before
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise
