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

from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal_file import open_journal
from daemon.journal_reader import JournalReader, job_of, jobs_where
from daemon.turns import Waiting

REPEATED = jobs_where(
    "(owner = ? AND rid = ?) OR (source = ? AND rid = ? AND digest = ? AND source != '') "
    "ORDER BY owner = ? DESC, number DESC LIMIT 1"
)
PACE_KEPT = 0.8  # of what is known of a pace, each time something new is learned
MAX_CLIENTS = 10_000  # whose ids are remembered; those met longest ago go first


class Journal(JournalReader):
    """The open journal file; every method may be called from any thread.

    `epoch` counts how often this journal was opened, so that clients can see a restart; `remarks`
    are sentences on what was damaged and set aside; `head_seq` is the number of the newest durable
    event, 0 before the first. Writing waits while another program has the
    file locked, reading does not; a write that fails raises sqlite3.Error and changes nothing.
    Raises DaemonError when the file is not a journal of this version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()  # one transaction at a time
        self._head_seq = 0
        self._waiting: list[Waiting] | None = None  # as on disk; None: read it again
        self._db, self.remarks = open_journal(path, path.parent / "jobs")
        super().__init__(path)
        with self._transaction():
            self._db.execute(
                "INSERT INTO facts VALUES ('epoch', 1) "
                "ON CONFLICT (name) DO UPDATE SET value = value + 1"
            )
        self._epoch, self._head_seq = super().epoch, super().head_seq

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        super().close()
        self._db.close()

    @property
    def epoch(self) -> int:
        """How often this journal was opened, this time included."""
        return self._epoch

    @property
    def head_seq(self) -> int:
        """The number of the newest durable event, 0 before the first."""
        return self._head_seq

    def find_repeated(self, owner: str, rid: str, source: str, digest: str) -> Job | None:
        """Return the job that `owner` asked for under `rid`, or that came from this very address.

        Looked up where it would be written, so that the file is not read again after each write.
        """
        with self._lock:
            values = (owner, rid, source, rid, digest, owner)
            row = self._db.execute(REPEATED, values).fetchone()
        return job_of(row) if row else None

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
            if self._waiting is not None:
                self._waiting.append(Waiting(number, owner, priority, pace, music_seconds))
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
            self._waiting = None
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
            self._waiting = None
        job = self._must_find(number)
        return [Event(seq, kind, job, details) for seq, kind, details in ended]

    def requeue(self, number: int, *, keep_attempt: bool) -> None:
        """Put a job that was interrupted back at its place in the queue."""
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET state = ?, attempts = attempts - ? WHERE number = ?",
                (JobState.QUEUED, 0 if keep_attempt else 1, number),
            )
            self._waiting = None

    def waiting(self) -> list[Waiting]:
        """Return what decides when each queued job is played, oldest first."""
        with self._lock:
            if self._waiting is None:
                self._waiting = super().waiting()
            return list(self._waiting)

    def learn_pace(self, name: str, seconds: float, music_seconds: float) -> None:
        """Write down how long so much music took; later jobs count more than earlier ones."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO paces VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "seconds = seconds * ? + excluded.seconds, "
                "music_seconds = music_seconds * ? + excluded.music_seconds",
                (name, seconds, music_seconds, PACE_KEPT, PACE_KEPT),
            )

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

    def keep_fact(self, name: str, value: int) -> None:
        """Keep a whole number under a name."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _write_event(self, number: int, kind: EventKind, details: Mapping[str, object]) -> int:
        cursor = self._db.execute(
            "INSERT INTO events (job, kind, details) VALUES (?, ?, ?)",
            (number, kind, json.dumps(details)),
        )
        self._head_seq = int(cursor.lastrowid or 0)
        return self._head_seq

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            head_before = self._head_seq
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._head_seq, self._waiting = head_before, None
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise
