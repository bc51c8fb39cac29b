"""One daemon a home: a lock the system itself gives back, however the daemon ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from daemon.errors import DaemonError

# Windows locks are mandatory, so the byte locked lies beyond the text others want to read.
_LOCKED_BYTE = 1 << 30


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold a home for this process; raises DaemonError naming the other daemon's process and home.

    The lock is the operating system's, on an open file: a killed daemon leaves none behind.
    """
    path = home / "daemon.lock"
    with path.open("a+b") as file:
        try:
            _lock(file)
        except OSError as error:
            raise DaemonError(
                f"a daemon already runs for home {str(home)!r} (process {_owner(path)}); "
                "stop it with `backline send quit` or choose another --home"
            ) from error
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        file.flush()
        yield


def _owner(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["pid"])
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
