"""The daemon: one object that starts what a service needs, serves, and stops in order."""

from __future__ import annotations

import logging
import pkgutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from daemon.config import Config
from daemon.front_ends.front_end import FRONT_ENDS, FrontEnd, Service
from daemon.home_lock import keep, locked, say_port
from daemon.journal import Journal
from daemon.lan import token_in
from daemon.queue import JobQueue
from daemon.retention import Retention
from midi.user_file import confined_to

HEARTBEAT_SECONDS = 2.0
LOG_BYTES = 1 << 20
SWITCH_SECONDS = 0.0001

log = logging.getLogger("backline.daemon")


class Daemon:
    """Owns a home: start(), serve() until somebody asks it to stop, stop().

    The first SIGINT or SIGTERM, and a client's quit, stop it cleanly: a running job goes back
    to the queue. The second signal ends the worker at once.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._front_ends: list[FrontEnd] = []
        self._retention = Retention(config.home, config.retention)
        self._stop_asked = threading.Event()
        self._reason = "stopped"

    def start(self) -> None:
        """Take home and port and begin to answer; raises DaemonError when one is taken."""
        # Who waits for the interpreter gets it within half a millisecond: a ping, above all.
        sys.setswitchinterval(SWITCH_SECONDS)
        self.config.make_folders()
        with ExitStack() as files:
            lock = files.enter_context(locked(self.config.home))
            files.enter_context(confined_to(self.config.roots))
            files.enter_context(_logging_to(self.config.log_folder / "daemon.log"))
            journal = Journal(self.config.home / "journal.sqlite3")
            self._journal = files.enter_context(closing(journal))
            self._queue = JobQueue(self.config, self._journal)
            token_in(self.config.token_file)  # said now if it cannot be read, not by a job
            service = Service(self.config, self._journal, self._queue, self.quit)
            for implementation in FRONT_ENDS:
                front_end: FrontEnd = pkgutil.resolve_name(implementation)(service)
                front_end.open()
                self._front_ends.append(front_end)
            self.osc_port, self.http_port = service.ports["osc"], service.ports.get("http")
            say_port(lock, self.osc_port)
            self._lock = lock
            self._files = files.pop_all()
        for remark in self._journal.remarks:
            log.warning("%s", remark)
        self._queue.start()  # before any door is open: what ran when a daemon died is settled
        for front_end in self._front_ends:
            front_end.start()
        log.info("listening on port %d, epoch %d", self.osc_port, self._journal.epoch)

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence for each thing in the journal that was damaged and has been set aside."""
        return self._journal.remarks

    def serve(self) -> None:
        """Block until the daemon is asked to stop."""
        while not self._stop_asked.wait(HEARTBEAT_SECONDS):
            self._queue.watch()
            for front_end in self._front_ends:
                front_end.heartbeat()
            self._retention.look(self._journal.head_seq, is_calm=self._queue.is_calm)

    def stop(self) -> None:
        """Stop in order: the worker, then the goodbyes, then journal, log and lock."""
        log.info("stopping: %s", self._reason)
        self._queue.stop()
        for front_end in self._front_ends:
            front_end.close(self._reason)
        self._files.close()

    def hold_home_to_the_end(self) -> None:
        """Give the home back only when this process is gone, so that waiting for it is exact."""
        keep(self._lock)

    def quit(self, mode: str = "now", reason: str = "quit by a client") -> None:
        """Ask the daemon to stop now, or ("drain") when all accepted jobs have ended."""
        self._reason = reason
        if mode == "drain":
            self._queue.drain(self._stop_asked.set)
        else:
            self._stop_asked.set()

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Have SIGINT and SIGTERM stop the daemon while in this context (main thread only)."""

        def on_signal(signum: int, frame: FrameType | None) -> None:
            if self._stop_asked.is_set():
                self._queue.kill()
            self.quit(reason=signal.Signals(signum).name)

        before = {each: signal.signal(each, on_signal) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


class _Log(RotatingFileHandler):
    """A log that a full disk leaves short: no traceback goes to the screen for it."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing; the sentence is lost, and the next one may have room again."""

    def close(self) -> None:
        """Close the file; what a full disk has no room for is lost."""
        with suppress(OSError):
            super().close()


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    handler = _Log(path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger = logging.getLogger("backline")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
