"""What a command writes belongs to it from when the name is chosen until the command ends.

So that of two commands with the same -o neither loses what it makes. The lock is the operating
system's, on a file of the user's that stands for the name: a process that is killed leaves none.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from daemon.home_lock import lock

_held: dict[Path, IO[bytes]] = {}


def claimed(target: Path) -> bool:
    """Take the name of a file or folder for this command; False where another process has it.

    Where the user has no place for locks it is nobody's.
    """
    target = target.resolve()
    if target in _held:
        return True
    path = _lock_file(target)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        except OSError:
            return True
        try:
            lock(file)
        except OSError:
            file.close()
            return False
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                _held[target] = file
                return True
        file.close()  # its last owner has just removed it


def release(target: Path) -> None:
    """Give a name back."""
    target = target.resolve()
    if file := _held.pop(target, None):
        if os.name == "nt":
            file.close()  # what is open cannot be deleted there
        with suppress(OSError):
            _lock_file(target).unlink()
        file.close()


def release_all() -> None:
    """Give back all names that this process has taken."""
    for target in list(_held):
        release(target)


def _lock_file(target: Path) -> Path:
    from platformdirs import user_cache_path

    name = hashlib.sha256(os.fsencode(target)).hexdigest()[:32]
    return user_cache_path("backline", appauthor=False) / "claims" / name
