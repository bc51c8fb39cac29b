"""A file of the user's: opened in one way, which never waits and never reads without an end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

KINDS = {
    stat.S_IFDIR: "folder", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip


def open_file(path: Path) -> BinaryIO:
    """Open a regular file that is not empty; anything else is an OSError whose strerror says so."""
    try:
        _check(os.stat(path))
        how = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, how), "rb")
    except ValueError:  # a NUL, or letters that the system's encoding has not
        raise OSError(errno.EINVAL, "there can be no file of this name") from None
    try:
        _check(os.fstat(file.fileno()))  # by now it may be another
    except OSError:
        file.close()
        raise
    return file


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Read a whole file; raises OSError, for more than so many bytes as well."""
    with open_file(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes} bytes")
    return data


def read_text(path: Path, most_bytes: int) -> str:
    """Read UTF-8, with or without a byte order mark; raises OSError and UnicodeDecodeError."""
    text = read_bytes(path, most_bytes).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check(found: os.stat_result) -> None:
    kind = KINDS.get(stat.S_IFMT(found.st_mode))
    if kind:
        raise OSError(errno.EINVAL, f"it is not a regular file but a {kind}")
    if not found.st_size:
        raise OSError(errno.EINVAL, "it is empty")
