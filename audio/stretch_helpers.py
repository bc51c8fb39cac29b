"""Processes that stretch pieces side by side, for the stretcher's library holds Python's lock.

Each is an interpreter of its own that reads pieces from its input and writes what became of them
to its output, until its input ends: `python -m audio.stretch_helpers`. One that cannot be started,
or is lost, costs time and nothing else: the piece is then made here.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import IO

from audio.clip import Samples
from audio.stretch import Piece, stretch_piece

MAX_HELPERS = 4
WORTH_SECONDS = 40.0  # of sound, channel by channel: less is done before a process has begun
AHEAD = 2  # pieces for each helper that are made before they are asked for


class StretchHelpers:
    """As many helpers as there are cores, at most four, while the context is entered.

    `seconds` of sound, all channels together, are to be stretched; for few there are none.
    """

    def __init__(self, seconds: float, count: int | None = None) -> None:
        if count is None:
            cores = os.cpu_count() or 1
            if hasattr(os, "sched_getaffinity"):  # this process may not run on all of them
                cores = len(os.sched_getaffinity(0))
            count = min(cores, MAX_HELPERS) if cores > 1 and seconds > WORTH_SECONDS else 0
        self.processes = [helper for _ in range(count) if (helper := _start())]
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for helper in self.processes:
            self._idle.put(helper)
        self._threads = ThreadPoolExecutor(max(1, count))

    def stretch(self, pieces: Iterable[Piece]) -> Iterator[Samples]:
        """Stretch pieces; they come back in order, and only a few are held at a time."""
        if not self.processes:
            yield from map(stretch_piece, pieces)
            return
        made: deque[Future[Samples]] = deque()
        for piece in pieces:
            made.append(self._threads.submit(self._one, piece))
            if len(made) > AHEAD * len(self.processes):
                yield made.popleft().result()
        while made:
            yield made.popleft().result()

    def _one(self, piece: Piece) -> Samples:
        helper = self._idle.get()
        try:
            assert helper.stdin and helper.stdout
            pickle.dump(piece, helper.stdin)
            helper.stdin.flush()
            made: Samples = pickle.load(helper.stdout)
            return made
        except (OSError, EOFError, pickle.UnpicklingError):  # it is gone
            return stretch_piece(piece)
        finally:
            self._idle.put(helper)

    def __enter__(self) -> StretchHelpers:
        return self

    def __exit__(self, *what: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for helper in self.processes:
            helper.kill()  # they hold nothing that could be lost
            helper.communicate()


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Stretch pieces from `source` until it ends."""
    with suppress(EOFError):
        while True:
            pickle.dump(stretch_piece(pickle.load(source)), target)
            target.flush()


def _start() -> subprocess.Popen[bytes] | None:
    # It finds its modules where this process does, and takes up none from the current folder.
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "audio.stretch_helpers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **threads, "PYTHONPATH": paths},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError:
        return None


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
