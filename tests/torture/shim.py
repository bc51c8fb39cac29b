"""Writes that fail or kill, and a clock that jumps, in a daemon and its worker, by shim.c."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LAYOUT = struct.Struct("=5q")  # of shim.c: remaining, failing, number, seen, shift_s
_KILL = -1  # in the place of an errno: the process ends in the middle of the write


class Shim:
    """What the programs that preload it are to do; built for one folder by built()."""

    def __init__(self, library: Path, control: Path, below: Path, block: mmap.mmap) -> None:
        self._block = block
        self.variables = {
            "LD_PRELOAD": str(library), "SHIM_CONTROL": str(control), "SHIM_BELOW": f"{below}/",
        }  # fmt: skip
        self.calm()

    @property
    def seen(self) -> int:
        """Return how many writes there were so far."""
        return int(_LAYOUT.unpack(self._block[:])[3])

    @property
    def has_begun(self) -> bool:
        """Return whether the first of those that were to fail has."""
        remaining, failing, number, *_ = _LAYOUT.unpack(self._block[:])
        return bool(number) and (remaining < 0 or failing < self._count)

    @property
    def has_failed(self) -> bool:
        """Return whether as many have failed as were to."""
        return int(_LAYOUT.unpack(self._block[:])[0]) < 0

    def fail(self, after: int, number: int, count: int = 1) -> None:
        """Let so many writes succeed, and then `count` fail with an errno."""
        self._write(after, count, number, 0)

    def kill(self, after: int) -> None:
        """Let so many writes succeed, and the next one end its process (kill -9) half done."""
        self._write(after, 1, _KILL, 0)

    def calm(self, shift_seconds: int = 0) -> None:
        """Let all succeed; the clock is so many seconds from the right time."""
        self._write(-1, 0, 0, shift_seconds)

    def _write(self, remaining: int, failing: int, number: int, shift_seconds: int) -> None:
        self._count = failing
        self._block[:] = _LAYOUT.pack(remaining, failing, number, self.seen, shift_seconds)


@contextmanager
def built(folder: Path, below: Path) -> Iterator[Shim | None]:
    """Compile it for writes below a folder; None where there is no C compiler, or no Linux."""
    library, control = folder / "shim.so", folder / "shim.control"
    source = Path(__file__).with_name("shim.c")
    words = ["cc", "-O2", "-fPIC", "-shared", "-o", str(library), str(source), "-ldl"]
    can = shutil.which("cc") and os.uname().sysname == "Linux"
    if not can or subprocess.run(words, capture_output=True, check=False).returncode:
        yield None
        return
    control.write_bytes(bytes(_LAYOUT.size))
    with control.open("r+b") as file, mmap.mmap(file.fileno(), _LAYOUT.size) as block:
        yield Shim(library, control, below, block)
