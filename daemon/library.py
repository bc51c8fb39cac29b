"""The results in a home, as the journal knows them: read without a daemon and beside one.

The journal is opened for reading only, which in its write-ahead log keeps nobody from writing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from daemon import job_folders
from daemon.amounts import seconds_of
from daemon.errors import DaemonError, UsageError
from daemon.job_facts import JobFacts, facts_of, utc_text
from daemon.jobs import Job, JobState
from daemon.ratings import rating_of
from midi.errors import MidiError
from midi.key import Key
from stems.manifest import MANIFEST_NAME

JOURNAL_NAME = "journal.sqlite3"
LAST = "last"  # the newest result
BPM_STEP = 0.05  # tempos this near are the same
_COLUMNS = (
    "number, owner, rid, digest, request, state, attempts, error_code, message, created_seconds, "
    "started_seconds, ended_seconds"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A job with what it is about, whether its files are there, and its rating (0: none)."""

    job: Job
    facts: JobFacts
    folder: Path
    is_there: bool
    rating: int

    @property
    def manifest(self) -> Path:
        """Return where the manifest of its result lies, or lay."""
        return self.folder / MANIFEST_NAME

    def as_plain(self) -> dict[str, object]:
        """Give the entry as JSON types."""
        return {
            "job": self.job.number,
            "rid": self.job.rid,
            "kind": self.facts.kind,
            "state": str(self.job.state),
            "created": utc_text(self.job.created_seconds),
            "style": self.facts.style,
            "bpm": self.facts.bpm,
            "key": self.facts.key,
            "bars": self.facts.bars,
            "rating": self.rating,
            "folder": str(self.folder) if self.is_there else "",
            "bytes": job_folders.bytes_in(self.folder) if self.is_there else 0,
            "message": self.job.message,
        }


def read_jobs(home: Path, states: Collection[JobState] = tuple(JobState)) -> list[Job]:
    """Return the jobs of a home in such states, newest first; none where no daemon has run in it.

    Raises DaemonError where there is something that is no journal.
    """
    path = home / JOURNAL_NAME
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            marks = ", ".join("?" * len(states))
            query = f"SELECT {_COLUMNS} FROM jobs WHERE state IN ({marks}) ORDER BY number DESC"
            rows = database.execute(query, tuple(states)).fetchall()
        return [
            Job(number, owner, rid, digest, json.loads(request), JobState(state), *rest)
            for number, owner, rid, digest, request, state, *rest in rows
        ]
    except (sqlite3.Error, ValueError) as error:
        raise DaemonError(f"journal {str(path)!r} cannot be read: {error}") from error


def needed_folders(home: Path) -> frozenset[int]:
    """Return the jobs whose folders those that wait or run write or read."""
    unfinished = [state for state in JobState if not state.is_final]
    return job_folders.needed(home / "jobs", read_jobs(home, unfinished))


def entries(home: Path) -> Iterator[Entry]:
    """Give the jobs of a home, newest first, each looked up on the disk when it is its turn."""
    for job in read_jobs(home):
        yield _entry(home, job)


def entry_of(job: Job, folder: Path) -> Entry:
    """Return a job with what its folder says of it."""
    there = job.state is JobState.DONE and job_folders.is_there(folder)
    rating = rating_of(folder / MANIFEST_NAME) if there else 0
    return Entry(job, facts_of(job.request), folder, there, rating)


def _entry(home: Path, job: Job) -> Entry:
    return entry_of(job, home / "jobs" / str(job.number))


def find(home: Path, target: str) -> Entry:
    """Return the job of that number or request id, or the newest with files for "last".

    Raises DaemonError where there is none.
    """
    for job in read_jobs(home):
        if target in (str(job.number), job.rid):
            return _entry(home, job)
        if target == LAST and (entry := _entry(home, job)).is_there:
            return entry
    raise DaemonError(f"there is no job {target} in {home}; `backline library` lists them")


def result_at(home: Path, target: str) -> Path:
    """Return the manifest of a result: a folder, a manifest, or a job as find() takes it.

    Raises DaemonError that says why there are no files.
    """
    path = Path(target)
    if path.is_dir():
        if not (path / MANIFEST_NAME).is_file():
            raise DaemonError(f"{path} holds no result: there is no {MANIFEST_NAME} in it")
        return path / MANIFEST_NAME
    if path.is_file():
        return path
    entry = find(home, target)
    if entry.is_there:
        return entry.manifest
    raise DaemonError(f"job {entry.job.number} has no files: {why_not_there(entry)}")


def why_not_there(entry: Entry) -> str:
    """Return why a job has no files, in words that follow a colon."""
    if entry.job.state is JobState.DONE:
        return f"its folder {entry.folder} was deleted"
    return f"it is {entry.job.state}" if not entry.job.message else entry.job.message


Wanted = Callable[[Entry], bool]


def wanted(
    words: str = "", style: str = "", key: str = "", bpm: str = "", date: str = "", rating: int = 0
) -> Wanted:
    """Return what says whether an entry is searched for; all that is given must hold.

    `words` may be anywhere in its line, `style` in its style, each of them in any order; `bpm` is a
    number or a range such as 90-100; `date` a day, a month, a range such as
    2026-11-01..2026-11-15, or the time until now such as 7d; `rating` the least. Raises UsageError.
    """
    tests: list[Wanted] = []
    if words:
        tests.append(lambda entry: _has_all(f"{entry.facts.line} {entry.job.rid}", words))
    if style:
        tests.append(lambda entry: _has_all(entry.facts.style, style))
    if key:
        asked_key = _key(key)
        if asked_key is None:
            raise UsageError(f"key must be a key such as 'C minor' or F#m, not {key!r}")
        tests.append(lambda entry: _key(entry.facts.key) == asked_key)
    if bpm:
        low, high = _range("bpm", bpm)
        tests.append(lambda entry: low - BPM_STEP <= entry.facts.bpm <= high + BPM_STEP)
    if date:
        first, end = _dates(date)
        tests.append(lambda entry: first <= entry.job.created_seconds < end)
    if rating:
        tests.append(lambda entry: entry.rating >= rating)
    return lambda entry: all(test(entry) for test in tests)


def _has_all(text: str, words: str) -> bool:
    return all(word in text.casefold() for word in words.casefold().replace(",", " ").split())


def _key(text: str) -> Key | None:
    try:
        return Key.parse(text)
    except MidiError:
        return None


def _range(option: str, text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        sentence = f"{option} must be a number or a range such as 90-100, not {text!r}"
        raise UsageError(sentence) from None


def _dates(text: str) -> tuple[float, float]:
    """From the first moment, up to the end, in Unix seconds; days are those of the local clock."""
    first, is_range, last = text.partition("..")
    try:
        if not is_range:
            with_end = _days(text)
            return _local(with_end[0]), _local(with_end[1])
        begin = _local(_days(first)[0]) if first else 0.0
        return begin, _local(_days(last)[1]) if last else float("inf")
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC).timestamp() - seconds_of("date", text), float("inf")
    except UsageError:
        raise UsageError(
            "date must be a day (2026-11-30), a month (2026-11), a range "
            f"(2026-11-01..2026-11-15) or the time until now (7d), not {text!r}"
        ) from None


def _days(text: str) -> tuple[date, date]:
    """The first day meant, and the one after the last."""
    if len(text) == len("2026-11"):
        first = date.fromisoformat(f"{text}-01")
        return first, (first + timedelta(days=31)).replace(day=1)
    day = date.fromisoformat(text)
    return day, day + timedelta(days=1)


def _local(day: date) -> float:
    return datetime(day.year, day.month, day.day).astimezone().timestamp()
