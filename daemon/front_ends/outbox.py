"""The answers and events of one spool session: a folder of packets that the client takes away."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

MAX_WAITING_FILES = 500
PACKET_SUFFIX = ".osc"
PARTIAL_SUFFIX = ".tmp"


class Outbox:
    """Puts packets into `folder` as <12 digits>.osc, in the order of their names.

    The numbers only ever grow: they begin at the time in hundredths of a second, so that those
    of a restarted daemon come after what an earlier one has left. Not for two threads at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = int(time.time() * 100)
        self._waiting: dict[str, bool] = {}  # name: whether it may be dropped, the oldest first

    def put(self, packet: bytes, droppable: bool) -> None:
        """Write one packet, complete as soon as it is there under its name; raises OSError.

        While more than 500 wait, the oldest that are `droppable` go.
        """
        self._number += 1
        name = f"{self._number:012}{PACKET_SUFFIX}"
        try:
            self._write(name, packet)
        except FileNotFoundError:  # the client has not made the folder, or has removed it
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(name, packet)
        self._waiting[name] = droppable
        if len(self._waiting) > MAX_WAITING_FILES:
            self._drop()

    def _write(self, name: str, packet: bytes) -> None:
        """Write a file and give it its name; the folder itself is used, never what a link names."""
        partial = name.removesuffix(PACKET_SUFFIX) + PARTIAL_SUFFIX
        if os.open not in os.supports_dir_fd:  # Windows
            if self._folder.is_symlink():
                raise OSError(errno.ELOOP, "it is a link, not a folder")
            (self._folder / partial).write_bytes(packet)
            os.replace(self._folder / partial, self._folder / name)
            return
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(partial, how, 0o600, dir_fd=folder), "wb") as file:
                file.write(packet)
            os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)

    def _drop(self) -> None:
        present = set(os.listdir(self._folder))
        self._waiting = {name: each for name, each in self._waiting.items() if name in present}
        excess = max(0, len(self._waiting) - MAX_WAITING_FILES)
        for name in [name for name, droppable in self._waiting.items() if droppable][:excess]:
            (self._folder / name).unlink(missing_ok=True)
            del self._waiting[name]
