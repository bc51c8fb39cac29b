from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.errors import DaemonError
from daemon.jobs import EventKind, JobState
from daemon.journal import Journal

Opener = Callable[[], Journal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def open_journal(path: Path) -> Iterator[Opener]:
    """Opens the same file as often as called, each time without the one before being closed."""
    opened: list[Journal] = []

    def another() -> Journal:
        opened.append(Journal(path))
        return opened[-1]

    yield another
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(open_journal: Opener) -> Journal:
    return open_journal()


def add(journal: Journal, rid: str = "take1", owner: str = "127.0.0.1") -> int:
    return journal.add(owner, rid, "digest", {"bpm": 92.5, "key": "A minor"}, 0).job.number


def test_what_was_added_is_there_after_the_file_was_never_closed(open_journal: Opener) -> None:
    number = add(open_journal())
    job = open_journal().find(number)
    assert job is not None
    assert (job.rid, job.state, job.request["bpm"]) == ("take1", JobState.QUEUED, 92.5)


def test_each_opening_is_a_new_epoch(open_journal: Opener) -> None:
    assert [open_journal().epoch for _ in range(3)] == [1, 2, 3]


def test_a_job_is_found_by_its_owner_and_rid_only(journal: Journal) -> None:
    number = add(journal)
    found = journal.find_rid("127.0.0.1", "take1")
    assert found is not None and found.number == number
    assert journal.find_rid("127.0.0.1#reaper", "take1") is None
    assert journal.find_rid("127.0.0.1", "take2") is None


def test_the_same_owner_cannot_have_two_jobs_under_one_rid(journal: Journal) -> None:
    add(journal)
    with pytest.raises(sqlite3.IntegrityError):
        add(journal)
    assert journal.page(0, 20)[1] == 1


def test_events_count_on_over_jobs_and_openings(open_journal: Opener) -> None:
    journal = open_journal()
    first = add(journal)  # seq 1: queued
    journal.start(first)  # seq 2: started
    told = journal.finish(first, JobState.DONE, stems=[{"name": "drums"}, {"name": "bass"}])
    assert [(event.seq, event.kind) for event in told] == [
        (3, EventKind.STEM),
        (4, EventKind.STEM),
        (5, EventKind.FINISHED),
    ]
    again = open_journal()
    assert again.head_seq == 5
    assert again.add("127.0.0.1", "take2", "digest", {}, 0).seq == 6
    assert [event.details["name"] for event in again.stems(first)] == ["drums", "bass"]


def test_starting_counts_attempts_and_a_clean_requeue_takes_one_back(journal: Journal) -> None:
    number = add(journal)
    assert journal.start(number).job.attempts == 1
    journal.requeue(number, keep_attempt=False)
    assert journal.start(number).job.attempts == 1
    journal.requeue(number, keep_attempt=True)
    assert journal.start(number).job.attempts == 2


def test_the_newest_job_of_a_host_is_found_whatever_its_clients_id(journal: Journal) -> None:
    add(journal, "a", "127.0.0.1")
    newest = add(journal, "b", "127.0.0.1#reaper")
    add(journal, "c", "127.0.0.11")
    found = journal.newest_of_host("127.0.0.1")
    assert found is not None and found.number == newest


def test_pages_list_the_newest_first_with_the_total(journal: Journal) -> None:
    for rid in ("a", "b", "c", "d"):
        add(journal, rid)
    jobs, total = journal.page(1, 2)
    assert [job.rid for job in jobs] == ["c", "b"]
    assert total == 4


def test_a_failed_transaction_leaves_nothing_behind(journal: Journal) -> None:
    with pytest.raises(TypeError):
        journal.add("127.0.0.1", "take1", "digest", {"bad": object()}, 0)
    number = add(journal)
    with pytest.raises(TypeError):  # the second stem cannot be written down
        journal.finish(number, JobState.DONE, stems=[{"name": "drums"}, {"name": object()}])
    job = journal.find(number)
    assert job is not None and job.state is JobState.QUEUED
    assert journal.stems(number) == []


def test_a_file_of_another_kind_is_refused_in_a_sentence(path: Path) -> None:
    path.write_bytes(b"this is no database at all, but long enough to look like one" * 20)
    with pytest.raises(DaemonError, match="cannot be opened"):
        Journal(path)


def test_a_journal_of_a_later_version_is_refused(path: Path) -> None:
    Journal(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(DaemonError, match="version 99"):
        Journal(path)


def test_events_come_again_within_the_scope_that_is_asked_for(journal: Journal) -> None:
    for rid, owner in (("a", "127.0.0.1"), ("b", "127.0.0.1#reaper"), ("c", "127.0.0.11")):
        add(journal, rid, owner)

    def rids(scope: str) -> list[str]:
        events, through = journal.events_after(0, scope, "127.0.0.1#reaper", "127.0.0.1")
        assert through == 3
        return [event.job.rid for event in events]

    assert [rids(scope) for scope in ("mine", "host", "all")] == [["b"], ["a", "b"], list("abc")]
    few, through = journal.events_after(1, "all", "", "", limit=1)
    assert ([event.seq for event in few], through) == ([2], 2)
