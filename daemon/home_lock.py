"""One daemon a home: a lock the system itself gives back, however the daemon ends."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO

from daemon.errors import DaemonError

# Windows locks are mandatory, so the byte locked lies beyond the text others want to read.
_LOCKED_BYTE = 1 << 30


class HomeLock:
    """Holds a home for this process from acquire() to release(), or in a with statement.

    The lock is the operating system's, on an open file: a killed daemon leaves none behind.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._path = home / "daemon.lock"
        self._file: IO[bytes] | None = None

    def __enter__(self) -> HomeLock:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock; raises DaemonError naming the other daemon's process and home."""
        file = self._path.open("a+b")
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise DaemonError(
                f"a daemon already runs for home {str(self.home)!r} (process {self._owner()}); "
                "stop it with `backline send quit` or choose another --home"
            ) from error
        self._file = file
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        file.flush()

    def release(self) -> None:
        """Give the lock back; doing it twice is harmless."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _owner(self) -> str:
        try:
            return str(json.loads(self._path.read_bytes())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return "unknown"


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
