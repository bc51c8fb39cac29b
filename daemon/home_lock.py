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
def locked(home: Path) -> Iterator[IO[bytes]]:
    """Hold a home for this process; raises DaemonError naming the other daemon's process and home.

    The lock is the operating system's, on an open file: a killed daemon leaves none behind. The
    folder itself is locked as well, where the system can: the file may be deleted meanwhile.
    """
    path = home / "daemon.lock"
    with path.open("a+b") as file, _opened(home) as folder:
        try:
            lock(file)
            _lock_folder(folder)
        except OSError as error:
            raise DaemonError(
                f"a daemon already runs for home {str(home)!r} (process {_owner(path)}); "
                "stop it with `backline send quit` or choose another --home"
            ) from error
        _write(file, {"pid": os.getpid()})
        yield file


def say_port(file: IO[bytes], port: int) -> None:
    """Write into the lock which port the daemon answers on."""
    _write(file, {"pid": os.getpid(), "port": port})


def keep(file: IO[bytes]) -> None:
    """Hold the lock until this process is gone, also when its file is closed (not on Windows)."""
    if sys.platform != "win32":
        os.dup(file.fileno())  # a lock lasts as long as any descriptor of its file does


def is_held(home: Path, port: int) -> bool:
    """Whether a daemon that answered on that port still holds that home."""
    path = home / "daemon.lock"
    try:
        with path.open("r+b") as file:
            if _said(path).get("port") != port:
                return False
            lock(file)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _write(file: IO[bytes], said: dict[str, int]) -> None:
    file.truncate(0)
    file.write(json.dumps(said).encode() + b"\n")
    file.flush()


def _owner(path: Path) -> str:
    return str(_said(path).get("pid", "unknown"))


def _said(path: Path) -> dict[str, object]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


if sys.platform == "win32":
    import msvcrt

    def lock(file: IO[bytes]) -> None:
        """Lock an open file for this process; raises OSError where another has it."""
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

    @contextmanager
    def _opened(folder: Path) -> Iterator[int]:
        yield -1

    def _lock_folder(folder: int) -> None:
        pass  # a file that is open cannot be deleted there

else:
    import fcntl

    @contextmanager
    def _opened(folder: Path) -> Iterator[int]:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _lock_folder(folder: int) -> None:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def lock(file: IO[bytes]) -> None:
        """Lock an open file for this process; raises OSError where another has it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
