"""The file of the journal: opened, brought to this version, and mended where it is damaged.

What cannot be read is set aside and said in a sentence; the rest serves.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.errors import DaemonError
from daemon.jobs import EventKind, JobState
from osc_protocol.errors import Code

FIRST_SCHEMA, SCHEMA = 1, 2
PAGE_BYTES = 4096
LOCKED_SECONDS = 5.0  # how long a write waits for another program that has the file locked
WHOLE_CHECK_BYTES = 16 << 20  # up to here indexes are compared with their tables, too
MAX_FAILURES = 20_000  # reads of damaged pages, before the rest of a table is given up
SIDE_FILES = ("-wal", "-shm")

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
# What brings a file of each version to the next one.
_STEPS: dict[int, str] = {
    1: """
ALTER TABLE jobs ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN music_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN pace TEXT NOT NULL DEFAULT '';
CREATE INDEX IF NOT EXISTS jobs_by_source ON jobs (source, rid);
CREATE TABLE IF NOT EXISTS clients (
    source TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    port INTEGER NOT NULL,
    met_seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS paces (
    name TEXT PRIMARY KEY,
    seconds REAL NOT NULL,
    music_seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS set_aside (found_seconds REAL NOT NULL, what TEXT NOT NULL);
"""
}
_TABLE_KEYS = {
    "facts": "rowid", "jobs": "number", "events": "seq", "clients": "rowid", "paces": "rowid",
    "set_aside": "rowid",
}  # fmt: skip
_STATES = ", ".join(f"'{state}'" for state in JobState)
_FINAL = ", ".join(f"'{state}'" for state in JobState if state.is_final)
_DAMAGED = f"""
    state NOT IN ({_STATES}) OR typeof(state) != 'text'
    OR NOT json_valid(request) OR json_type(request) != 'object'
    OR typeof(owner) != 'text' OR typeof(rid) != 'text' OR typeof(digest) != 'text'
    OR typeof(message) != 'text' OR typeof(attempts) != 'integer'
    OR typeof(error_code) != 'integer' OR typeof(created_seconds) != 'real'
    OR typeof(started_seconds) != 'real' OR typeof(ended_seconds) != 'real'
"""


def open_journal(path: Path, jobs_folder: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    """Return the open file, and a sentence for each thing that was set aside.

    No number of a job that has a folder in `jobs_folder` is given again. Raises DaemonError for a
    file of another kind or of a later version, and when another program has it locked.
    """
    try:
        remarks = _mend(path)
        with ExitStack() as undo:
            database = undo.enter_context(closing(connect(path)))
            database.execute("PRAGMA journal_mode=WAL")
            _migrate(database, _version(database))
            remarks += _set_rows_aside(database)
            _keep_numbers(database, jobs_folder)
            undo.pop_all()
    except sqlite3.Error as error:
        raise DaemonError(f"journal {str(path)!r} {_in_words(error)}") from error
    return database, tuple(remarks)


def _mend(path: Path) -> list[str]:
    """Put a readable file in the place of a damaged one; says so if it did."""
    try:
        with closing(connect(path)) as database:
            version = _version(database)
            if version > SCHEMA:
                problem = f"is of version {version}, this program writes {SCHEMA}"
                raise DaemonError(f"journal {str(path)!r} {problem}")
            if version == 0 or not _is_damaged(database, path):
                return []
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        with _with_a_new_header(path) as readable:
            if readable is None:
                raise
            return [_rescue(path, readable)]
    return [_rescue(path, path)]


def connect(path: Path) -> sqlite3.Connection:
    """Open the file without a look at what is in it; letters that are none are replaced."""
    database = sqlite3.connect(
        path, timeout=LOCKED_SECONDS, isolation_level=None, check_same_thread=False
    )
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.execute("PRAGMA synchronous=NORMAL")
    return database


def is_locked(error: sqlite3.Error) -> bool:
    """Say whether another program's lock was in the way, so that it may work later."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether pages of the file are not what a database has there."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def _in_words(error: sqlite3.Error) -> str:
    if is_locked(error):
        return f"is locked by another program ({error}); close that one first"
    return f"cannot be opened: {error}"


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _migrate(database: sqlite3.Connection, version: int) -> None:
    """Make a new file, or bring one of an earlier version to this one, as a whole or not at all."""
    if version == SCHEMA:
        return
    steps = "".join(_STEPS[each] for each in range(max(1, version), SCHEMA))
    begin = _TABLES if version == 0 else ""
    try:
        database.executescript(f"BEGIN; {begin} {steps} PRAGMA user_version={SCHEMA}; COMMIT;")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _is_damaged(database: sqlite3.Connection, path: Path) -> bool:
    check = "integrity_check" if path.stat().st_size <= WHOLE_CHECK_BYTES else "quick_check"
    try:
        return bool(database.execute(f"PRAGMA {check}(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        if is_locked(error):
            raise
        return True


@contextmanager
def _with_a_new_header(path: Path) -> Iterator[Path | None]:
    """Give a copy whose first page is that of a new journal; None where that is none either.

    The first tables of each journal are made in the same order, and so begin at the same pages.
    """
    with TemporaryDirectory(dir=path.parent, prefix=".rescue-") as folder:
        copy, new = Path(folder) / "copy", Path(folder) / "new"
        for side in ("", *SIDE_FILES):
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + side), copy.with_name("copy" + side))
        with closing(connect(new)) as database:
            _migrate(database, 0)
        header = bytearray(new.read_bytes()[:PAGE_BYTES])
        there = copy.stat().st_size // PAGE_BYTES
        pages = max(there, new.stat().st_size // PAGE_BYTES)  # all tables begin within the file
        header[28:32] = pages.to_bytes(4, "big")
        with copy.open("r+b") as file:
            file.write(header)
            file.truncate(pages * PAGE_BYTES)
        with closing(connect(copy)) as database:
            try:
                epochs = database.execute("SELECT value FROM facts WHERE name = 'epoch'").fetchall()
            except sqlite3.DatabaseError:
                epochs = []
        yield copy if there > 1 and epochs else None


def _rescue(path: Path, readable: Path) -> str:
    """Copy what can be read into a new file in the old one's place, which is kept beside it."""
    fresh = path.with_name(f"{path.name}.rescued")
    for each in (fresh, *(fresh.with_name(fresh.name + side) for side in SIDE_FILES)):
        each.unlink(missing_ok=True)
    lost: dict[str, int] = {}
    with closing(connect(readable)) as old, closing(connect(fresh)) as new:
        version = _version(old) if readable == path else FIRST_SCHEMA
        _migrate(new, 0)
        new.execute("BEGIN")
        for table, key in _TABLE_KEYS.items():
            if version >= SCHEMA or table in ("facts", "jobs", "events"):
                lost[table] = _copy(old, new, table, key)
        new.execute("COMMIT")
        jobs = new.execute("SELECT COUNT(*) FROM jobs").fetchone()[0]
    kept = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    for side in ("", *SIDE_FILES):
        with suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + side), kept.with_name(kept.name + side))
    os.replace(fresh, path)
    return (
        f"journal {str(path)!r} was damaged: {jobs} jobs serve on, {lost['jobs']} or more could "
        f"not be read; the damaged file is kept as {kept.name}"
    )


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str, key: str) -> int:
    """Copy the rows of a table that can be read; returns how many were seen that cannot."""
    columns = [str(row[1]) for row in new.execute(f"PRAGMA table_info({table})")]
    there = _columns(old, table)
    shared = [name for name in columns if not there or name in there]
    names, marks = ", ".join(shared), ", ".join("?" * len(shared))
    lost = 0
    for row in _readable(old, table, key, names):
        if row is None:
            lost += 1
            continue
        try:
            new.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)
        except (sqlite3.Error, OverflowError):  # a row that no daemon has written
            lost += 1
    return lost


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    with suppress(sqlite3.DatabaseError):
        return [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]
    return []


def _readable(
    database: sqlite3.Connection, table: str, key: str, names: str
) -> Iterator[tuple[object, ...] | None]:
    """Give each row in the order of its key, and None for one that cannot be read.

    Where a page high up in the tree is damaged, it gives up in the end.
    """
    ranges, failures = [(1, _highest(database, table, key))], 0
    while ranges and failures < MAX_FAILURES:
        first, last = ranges.pop()
        query = (
            f"SELECT {names} FROM {table} NOT INDEXED WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
        )
        try:
            yield from database.execute(query, (first, last)).fetchall()
        except sqlite3.DatabaseError:
            failures += 1
            if first >= last:
                yield None
            else:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]


def _highest(database: sqlite3.Connection, table: str, key: str) -> int:
    """The highest key of a table as far as is known."""
    for query, values in (
        ("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)),
        (f"SELECT MAX({key}) FROM {table} NOT INDEXED", ()),
    ):
        with suppress(sqlite3.DatabaseError, IndexError, TypeError, ValueError):
            return int(database.execute(query, values).fetchall()[0][0])
    return MAX_FAILURES


def _set_rows_aside(database: sqlite3.Connection) -> Iterator[str]:
    """Put a plain row in the place of each that cannot be understood; a job of it has failed."""
    numbers = [row[0] for row in database.execute(f"SELECT number FROM jobs WHERE {_DAMAGED}")]
    for number in numbers:
        row = database.execute("SELECT * FROM jobs WHERE number = ?", (number,)).fetchone()
        sentence = f"the row of job {number} in the journal was damaged and has been set aside"
        database.execute("BEGIN IMMEDIATE")
        now = time.time()
        database.execute("INSERT INTO set_aside VALUES (?, ?)", (now, repr(row)))
        is_final = database.execute(
            f"SELECT typeof(state) = 'text' AND state IN ({_FINAL}) FROM jobs WHERE number = ?",
            (number,),
        ).fetchone()[0]
        database.execute(
            "UPDATE OR IGNORE jobs SET owner = CAST(owner AS TEXT), rid = CAST(rid AS TEXT), "
            "digest = CAST(digest AS TEXT), request = '{}', message = ?, error_code = ?, "
            "attempts = CAST(attempts AS INTEGER), state = CASE WHEN ? THEN state ELSE ? END, "
            "created_seconds = CAST(created_seconds AS REAL), "
            "started_seconds = CAST(started_seconds AS REAL), "
            "ended_seconds = CAST(ended_seconds AS REAL) WHERE number = ?",
            (sentence, Code.INTERNAL, is_final, JobState.FAILED, number),
        )
        if not is_final:
            database.execute(
                "INSERT INTO events (job, kind, details) VALUES (?, ?, '{}')",
                (number, EventKind.FINISHED),
            )
        database.execute("COMMIT")
        yield sentence


def _keep_numbers(database: sqlite3.Connection, jobs_folder: Path) -> None:
    """Let new jobs have numbers above those of all folders there are."""
    highest = max((int(each.name) for each in _job_folders(jobs_folder)), default=0)
    known = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
    if known is None and highest:
        database.execute("INSERT INTO sqlite_sequence VALUES ('jobs', ?)", (highest,))
    elif known is not None and highest > known[0]:
        database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'jobs'", (highest,))


def _job_folders(jobs_folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for each in jobs_folder.iterdir():
            if each.name.isascii() and each.name.isdigit() and len(each.name) < 12:
                yield each
