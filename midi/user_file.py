"""A file of the user's: opened in one way, which never waits and never reads without an end.

A service confines its process to some folders: nothing outside them is opened, by no link either.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

KINDS = {
    stat.S_IFDIR: "folder", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip


OUTSIDE = "it lies outside the folders that may be read (serve --allow-root adds one)"
_HOW = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_roots: tuple[Path, ...] | None = None  # None: anywhere, as for what its user types


@contextmanager
def confined_to(roots: Sequence[Path] | None) -> Iterator[None]:
    """Let this process, all its threads, open files below `roots` only; None: anywhere."""
    global _roots
    before, _roots = _roots, None if roots is None else tuple(map(resolved, roots))
    try:
        yield
    finally:
        _roots = before


def resolved(path: Path) -> Path:
    """Return where a path leads once all links are followed; raises nothing."""
    return Path(os.path.realpath(path))


def is_below(path: Path, roots: Sequence[Path]) -> bool:
    """Say whether a path leads into one of `roots`, themselves resolved.

    On Windows a path of another machine is not looked at unless a root is there, too: looking would
    send that machine the user's name.
    """
    if os.name == "nt" and str(path).startswith(("\\\\", "//")):
        if not any(path.is_relative_to(root) for root in roots):
            return False
    found = resolved(path)
    return any(found.is_relative_to(root) for root in roots)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file that is not empty; anything else is an OSError whose strerror says so."""
    try:
        if _roots is not None:
            if not is_below(path, _roots):
                raise PermissionError(errno.EACCES, OUTSIDE)
            path = resolved(path)
        _check(os.stat(path))
        descriptor = os.open(path, _HOW) if _roots is None else _open_without_links(path)
        file = os.fdopen(descriptor, "rb")
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


def _open_without_links(path: Path) -> int:
    """Open a resolved path step by step: whatever has become a link since then is refused."""
    if os.open not in os.supports_dir_fd:  # Windows
        return os.open(path, _HOW)
    how = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
    folder = os.open(path.anchor, how)
    try:
        for name in path.parts[1:-1]:
            inner = os.open(name, how, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(path.name, _HOW | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _check(found: os.stat_result) -> None:
    kind = KINDS.get(stat.S_IFMT(found.st_mode))
    if kind:
        raise OSError(errno.EINVAL, f"it is not a regular file but a {kind}")
    if not found.st_size:
        raise OSError(errno.EINVAL, "it is empty")
