"""The packets that clients of the spool have put into a folder: found, shared out, read."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from daemon.front_ends.outbox import PACKET_SUFFIX

ENTRIES_A_ROUND = 4_096  # of the folder, looked at
MAX_KNOWN = 100_000  # names kept of one look at the whole folder

_NAME = re.compile(r"(\d{13})-([A-Za-z0-9_-]{1,32})-\d{6}\.osc", re.ASCII)


class Inbox:
    """Gives the names of waiting files, the sessions in turn and each one's in their order.

    A look at a large folder takes several rounds; names are given out once it is complete, so that
    none is passed over. Not for two threads at once.
    """

    def __init__(self, folder: Path, files_a_round: int) -> None:
        self._folder, self._files_a_round = folder, files_a_round
        self._entries: Iterator[os.DirEntry[str]] | None = None
        self._found: list[str] = []
        self._given: set[str] = set()  # since the look that is under way began
        self._waiting: dict[str, deque[str]] = {}  # by session, "" for names of no request

    def round(self) -> list[str]:
        """Return the next files to carry out; raises OSError when the folder cannot be read."""
        self._look()
        names: list[str] = []
        while self._waiting and len(names) < self._files_a_round:
            for session in list(self._waiting)[: self._files_a_round - len(names)]:
                of_session = self._waiting.pop(session)
                names.append(of_session.popleft())
                if of_session:
                    self._waiting[session] = of_session  # behind the others, in the next round too
        self._given.update(names)
        return names

    @property
    def has_more(self) -> bool:
        """Whether files wait that are known, or a look at the folder is not complete."""
        return bool(self._waiting) or self._entries is not None

    def _look(self) -> None:
        if self._entries is None:
            self._entries, self._found = os.scandir(self._folder), []
            self._given.clear()
        for _ in range(ENTRIES_A_ROUND):
            entry = next(self._entries, None)
            if entry is None or len(self._found) >= MAX_KNOWN:
                self._entries.close()  # type: ignore[attr-defined]
                self._entries = None
                self._share_out()
                return
            if entry.name.endswith(PACKET_SUFFIX) and entry.is_file(follow_symlinks=False):
                self._found.append(entry.name)

    def _share_out(self) -> None:
        """Sort what was found into the sessions, which keep their places in the turn."""
        turn = list(self._waiting)
        by_session: dict[str, deque[str]] = {session: deque() for session in turn}
        for name in sorted(set(self._found) - self._given):
            found = session_and_time(name)
            by_session.setdefault(found[0] if found else "", deque()).append(name)
        self._waiting = {session: names for session, names in by_session.items() if names}


def session_and_time(name: str) -> tuple[str, float] | None:
    """Return whose packet a file is and of which Unix time; None where it is no packet."""
    match = _NAME.fullmatch(name)
    return (match[2], int(match[1]) / 1000) if match else None


def read_packet(path: Path, most_bytes: int) -> tuple[bytes, float]:
    """Return up to so many bytes of a file, and when it was written; follows no link, never waits.

    Raises OSError, PermissionError for a file of another user.
    """
    how = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, how | getattr(os, "O_BINARY", 0)), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if os.name == "posix" and found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        return file.read(most_bytes), found.st_mtime


def check_private(folder: Path) -> None:
    """Make a folder that only this user can use, or make one so; raises OSError where it is not.

    A link is none: what is put into it would lie somewhere else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, "it is a link, not a folder")
    if os.name == "posix":
        if found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.chmod(folder, 0o700)
