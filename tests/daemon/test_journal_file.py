"""The journal's file in every state it may be found in: old, damaged, locked."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.errors import DaemonError
from daemon.jobs import JobState
from daemon.journal import Journal
from daemon.journal_file import PAGE_BYTES, SCHEMA

SEED = 17

# What version 1 of the file was, as the program wrote it at commit 8f58bef.
VERSION_1 = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE jobs (
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
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs (number),
    kind TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE INDEX events_by_job ON events (job, seq);
INSERT INTO facts VALUES ('epoch', 3);
INSERT INTO jobs VALUES (1, '127.0.0.1#reaper', 'take1', 'd1', '{"bpm": 92.5}', 'done',
    1, 0, '', 1764500000.5, 1764500001.5, 1764500004.5);
INSERT INTO jobs VALUES (2, '127.0.0.1', 'take2', 'd2', '{"bpm": 61.7}', 'queued',
    0, 0, '', 1764500010.5, 0, 0);
INSERT INTO events VALUES (1, 1, 'queued', '{"position": 0}');
INSERT INTO events VALUES (2, 1, 'started', '{}');
INSERT INTO events VALUES (3, 1, 'stem', '{"name": "drums"}');
INSERT INTO events VALUES (4, 1, 'finished', '{}');
INSERT INTO events VALUES (5, 2, 'queued', '{"position": 0}');
PRAGMA user_version=1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


def filled(path: Path, jobs: int) -> None:
    """A journal of several pages a table: every other job is done, the rest wait."""
    with closing(Journal(path)) as journal:
        for number in range(1, jobs + 1):
            request = {"bpm": 92.5, "tags": "x" * 300}
            journal.add("127.0.0.1", f"take{number}", f"digest{number}", request, 0)
            if number % 2:
                journal.start(number)
                journal.finish(number, JobState.DONE, stems=[{"name": "drums"}])


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement, values)


def test_a_journal_of_version_1_is_taken_over_whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_1)
    with closing(Journal(path)) as journal:
        assert (journal.epoch, journal.head_seq, journal.remarks) == (4, 5, ())
        done, waiting = journal.find(1), journal.find_rid("127.0.0.1", "take2")
        assert done is not None and waiting is not None
        assert (done.state, done.request, done.elapsed_seconds) == ("done", {"bpm": 92.5}, 3.0)
        assert (waiting.number, waiting.source, waiting.priority, waiting.pace) == (2, "", 0, "")
        assert [event.details for event in journal.stems(1)] == [{"name": "drums"}]
        assert journal.add("127.0.0.1", "take3", "d3", {}, 1).seq == 6
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("column", ["state", "request"])
def test_a_damaged_row_is_set_aside_with_a_sentence_and_the_rest_serves(
    path: Path, column: str
) -> None:
    filled(path, 4)
    change(path, f"UPDATE jobs SET {column} = ? WHERE number = 2", b"\xff\xfe{")
    with closing(Journal(path)) as journal:
        (sentence,) = journal.remarks
        assert "job 2" in sentence and "set aside" in sentence
        damaged, other = journal.find(2), journal.find(4)
        assert damaged is not None and other is not None
        assert (damaged.state, damaged.message) == ("failed", sentence)
        assert [job.number for job in journal.in_state(JobState.QUEUED)] == [4]
    with closing(Journal(path)) as journal:
        assert journal.remarks == ()


def test_a_done_job_with_a_damaged_request_stays_done(path: Path) -> None:
    filled(path, 1)
    change(path, "UPDATE jobs SET request = '{' WHERE number = 1")
    with closing(Journal(path)) as journal:
        job = journal.find(1)
        assert job is not None and job.state == "done"


def test_a_damaged_event_is_passed_over(path: Path) -> None:
    filled(path, 1)
    change(path, "UPDATE events SET details = '{' WHERE kind = 'stem'")
    with closing(Journal(path)) as journal:
        assert journal.stems(1) == []


def test_whatever_page_is_damaged_the_rest_serves(path: Path, tmp_path: Path) -> None:
    filled(path, 60)
    whole = path.read_bytes()
    pages = len(whole) // PAGE_BYTES
    chance = random.Random(SEED)
    lost_most = 0
    for page in range(pages):
        folder = tmp_path / str(page)
        folder.mkdir()
        damaged = folder / path.name
        damaged.write_bytes(
            whole[: page * PAGE_BYTES]
            + chance.randbytes(PAGE_BYTES)
            + whole[(page + 1) * PAGE_BYTES :]
        )
        with closing(Journal(damaged)) as journal:
            jobs, total = journal.page(0, 100)
            lost_most = max(lost_most, 60 - total)
            for job in jobs:
                assert job.rid == f"take{job.number}"
                found = journal.find_rid(job.owner, job.rid)
                assert found is not None and found.number == job.number
            assert total == 60 or journal.remarks
            # A number that was given is never given again, nor is that of an event.
            added = journal.add("127.0.0.1", "new", "digest", {}, 0)
            assert added.job.number > max((job.number for job in jobs), default=0)
        assert total == 60 or list(folder.glob("*.damaged-*"))
        shutil.rmtree(folder)
    # Some 8 rows of 0.5 kB are in a page; an inner page takes those of no leaf with it.
    assert lost_most <= 60


def test_a_file_that_was_cut_short_says_so_and_serves(path: Path) -> None:
    filled(path, 60)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with closing(Journal(path)) as journal:
        (sentence,) = journal.remarks
        assert "damaged" in sentence
        journal.add("127.0.0.1", "new", "digest", {}, 0)


def test_no_number_of_a_folder_is_given_again(path: Path) -> None:
    (path.parent / "jobs" / "41").mkdir(parents=True)
    with closing(Journal(path)) as journal:
        assert journal.add("127.0.0.1", "take1", "digest", {}, 0).job.number == 42


def test_a_journal_that_is_locked_is_said_to_be(path: Path) -> None:
    Journal(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DaemonError, match="is locked by another program"):
            Journal(path)
