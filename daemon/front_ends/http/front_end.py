"""The daemon's side of HTTP: it takes the port, starts the process that serves, answers it."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import logging
import multiprocessing
import socket
import sqlite3
import threading
import time
from functools import singledispatchmethod
from multiprocessing.connection import Connection
from queue import Full, Queue

from daemon.errors import DaemonError
from daemon.front_ends.front_end import Service
from daemon.front_ends.http.messages import (
    Answered,
    Asked,
    CancelJob,
    Close,
    QueryState,
    ServiceNow,
    Submit,
    Taken,
    Told,
)
from daemon.front_ends.http.process import serve
from daemon.front_ends.http.webhooks import SECRET_SETTING
from daemon.front_ends.osc_events import as_message
from daemon.jobs import Event, EventKind, Job
from daemon.lan import token_in
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.messages import Progress

log = logging.getLogger("backline.http")

MAX_WAITING = 2_000  # messages to the process; what is told beyond them it reads in the journal
PORT_PATIENCE_SECONDS = 2.0  # an earlier daemon that was killed has it until its process ends
STOP_SECONDS = 2.0
NEEDED = ("fastapi", "uvicorn")


class HttpFrontEnd:
    """The HTTP side of one daemon, from open() to close(); nothing at all without `http-port`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._listener: socket.socket | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
        self._outgoing: Queue[object] = Queue(MAX_WAITING)
        self._is_closing = False

    def open(self) -> None:
        """Take the port; raises DaemonError when it is taken or packages are missing."""
        config = self._service.config
        if config.http_port is None:
            return
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            needs = f"http-port needs {' and '.join(missing)}"
            raise DaemonError(f"{needs}: pip install 'backline[http]'")
        token_in(config.webhook_secret_file, SECRET_SETTING)  # said now, where it is none
        self._listener = _bound(config.http_host, config.http_port)
        self._service.ports["http"] = self._listener.getsockname()[1]

    def start(self) -> None:
        """Start the process that serves, and tell it the queue's events."""
        if self._listener is not None:
            self._service.queue.listeners.append(self._tell)
            self._start_process(self._listener)

    def heartbeat(self) -> None:
        """Start the process again where it has ended."""
        process, listener = self._process, self._listener
        if process is not None and listener is not None and not process.is_alive():
            log.warning("the HTTP process ended (%s) and is started again", process.exitcode)
            self._start_process(listener)

    def close(self, reason: str) -> None:
        """End the process and give the port back."""
        self._is_closing = True
        if self._process is not None:
            with contextlib.suppress(Full):
                self._outgoing.put_nowait(Close())
            self._process.join(STOP_SECONDS)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        if self._listener is not None:
            self._listener.close()

    def _start_process(self, listener: socket.socket) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        outgoing: Queue[object] = Queue(MAX_WAITING)
        self._outgoing = outgoing
        self._process = context.Process(
            target=serve,
            args=(theirs, listener, self._service.config),
            name="backline-http",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        for target in (_write, self._read):
            threading.Thread(
                target=target, args=(ours, outgoing), name="http-pipe", daemon=True
            ).start()

    def _tell(self, event: Event) -> None:
        told = Told()
        if event.kind is EventKind.PROGRESS:
            message = as_message(event, self._service.queue)
            told = Told(message if isinstance(message, Progress) else None)
        with contextlib.suppress(Full):
            self._outgoing.put_nowait(told)

    def _read(self, connection: Connection, outgoing: Queue[object]) -> None:
        with contextlib.suppress(EOFError, OSError):
            while isinstance(asked := connection.recv(), Asked):
                outgoing.put(self._answer(asked))
        outgoing.put(Close())  # the end of the writer, too

    def _answer(self, asked: Asked) -> Answered:
        try:
            return Answered(asked.number, self._answer_to(asked.question))
        except ProtocolError as error:
            return Answered(asked.number, error=error)
        except sqlite3.Error as error:
            log.warning("the journal cannot be read or written: %s", error)
            sentence = f"the journal cannot be read or written: {error}"
            return Answered(asked.number, error=ProtocolError(Code.DISK_FULL, sentence))
        except Exception as error:
            log.exception("%s failed", type(asked.question).__name__)
            sentence = f"an unexpected error ({type(error).__name__}); daemon.log has the details"
            return Answered(asked.number, error=ProtocolError(Code.INTERNAL, sentence))

    @singledispatchmethod
    def _answer_to(self, question: object) -> object:
        raise TypeError(f"no answer to {type(question).__name__}")

    @_answer_to.register
    def _(self, submit: Submit) -> Taken:
        taken: list[Taken] = []

        def acknowledge(job: Job, position: int, eta_seconds: float, is_duplicate: bool) -> None:
            taken.append(Taken(job, position, eta_seconds, is_duplicate))

        self._service.queue.submit(
            submit.owner, submit.rid, submit.digest, submit.request, acknowledge,
            source=submit.source, priority=submit.priority, music_seconds=submit.music_seconds,
        )  # fmt: skip
        return taken[0]

    @_answer_to.register
    def _(self, cancel: CancelJob) -> str:
        return self._service.queue.cancel(cancel.number)

    @_answer_to.register
    def _(self, query: QueryState) -> ServiceNow:
        queue = self._service.queue
        return ServiceNow(str(queue.state()), queue.engine, self._service.ports.get("osc", 0))


def _write(connection: Connection, outgoing: Queue[object]) -> None:
    with contextlib.suppress(OSError):
        while True:
            message = outgoing.get()
            connection.send(message)
            if isinstance(message, Close):
                return


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises DaemonError."""
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    while True:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # connections of an earlier daemon that are closing are no reason to wait
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(256)
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise DaemonError(
                    f"http-port {port} on {host} cannot be used ({error.strerror}); choose "
                    "another with --http-port"
                ) from error
        time.sleep(0.05)
