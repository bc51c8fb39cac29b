"""The daemon's hold on its worker: one process apart that owns torch and plays jobs.

A crash, a full memory or a busy interpreter there never reaches the process that answers OSC.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from daemon.config import Config
from daemon.worker_messages import Exited, Order, Report, Stop
from daemon.worker_process import work

log = logging.getLogger("backline.worker")

MAX_STEP_SECONDS = 5.0


class Worker:
    """A running worker process; `take` gets its reports and, last, Exited.

    `take` is called from a thread of this object's own, with one report at a time.
    """

    def __init__(self, config: Config, take: Callable[[Worker, Report], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=work,
            args=(theirs, config),
            name="backline-worker",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        self._take = take
        self._heard_seconds = self._watched_seconds = time.monotonic()
        self._silent_seconds = 0.0
        self._orders: SimpleQueue[Order] = SimpleQueue()
        threading.Thread(target=self._write, name="worker-writer", daemon=True).start()
        self._reader = threading.Thread(target=self._read, name="worker-reader", daemon=True)
        self._reader.start()

    def send(self, order: Order) -> None:
        """Send one order without waiting for the worker, which reads none while it loads.

        That the worker is gone is reported to `take`, not here.
        """
        self._orders.put(order)

    def watch(self) -> float:
        """Return for how long nothing was heard of the process, as seen by who calls this.

        Time in which this process did not run itself (Ctrl-Z, a laptop that sleeps) is not counted:
        a step is at most MAX_STEP_SECONDS.
        """
        now, heard = time.monotonic(), self._heard_seconds
        step = min(now - self._watched_seconds, MAX_STEP_SECONDS)
        self._silent_seconds = (
            0.0 if heard >= self._watched_seconds else self._silent_seconds + step
        )
        self._watched_seconds = now
        return self._silent_seconds

    def kill(self) -> None:
        """End the process at once, the cancel of last resort."""
        self._process.kill()

    def stop(self, patience_seconds: float) -> None:
        """Let the worker end by itself, or kill it when it takes longer."""
        self.send(Stop())
        # Of two threads that wait for a process one may not hear how it ended: let the reader.
        is_reader = threading.current_thread() is self._reader
        waited = self._process if is_reader else self._reader
        waited.join(patience_seconds)
        if waited.is_alive():
            self._process.kill()
            waited.join()

    def _write(self) -> None:
        order: Order | None = None
        with contextlib.suppress(OSError):
            while not isinstance(order, Stop):
                order = self._orders.get()
                self._connection.send(order)

    def _read(self) -> None:
        while True:
            try:
                report = self._connection.recv()
            except (EOFError, OSError):
                break
            self._heard_seconds = time.monotonic()
            self._pass_on(report)
        self.send(Stop())  # the end of the writer, too
        self._process.join()
        self._pass_on(Exited(self._process.exitcode))

    def _pass_on(self, report: Report) -> None:
        try:
            self._take(self, report)
        except Exception:  # a full disk, say, must not leave later reports unread
            log.exception("the worker's %s had no effect", type(report).__name__)
