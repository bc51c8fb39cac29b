"""OSC over UDP: datagrams in, replies and events out.

One thread blocks in recvfrom and answers at once; the same on every platform, and no slower than
an event loop. It only takes datagrams from this machine. What cannot be decoded gets no answer.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Callable

from daemon.config import OSC_HOST, Config
from daemon.errors import DaemonError
from daemon.front_ends.osc_commands import Commands
from daemon.front_ends.osc_events import as_message, as_ui_messages
from daemon.front_ends.rate_limit import RateLimit
from daemon.front_ends.subscribers import Address, Subscribers
from daemon.jobs import Event, EventKind, JobState
from daemon.journal import Journal
from daemon.queue import JobQueue
from osc_protocol import messages as osc
from osc_protocol.codec import MAX_DATAGRAM_BYTES, OscMessage, decode
from osc_protocol.errors import Code, DecodeError, ProtocolError
from osc_protocol.grammar import read_command, request_id, write

log = logging.getLogger("backline.osc")

RECEIVE_BUFFER_BYTES = 4 << 20  # the default holds some 256 datagrams: a burst would be lost


class OscFrontEnd:
    """The OSC side of one daemon, from open() to close().

    `quit` is called with the mode when a client asks the daemon to stop.
    """

    def __init__(
        self, config: Config, journal: Journal, queue: JobQueue, quit: Callable[[str], None]
    ) -> None:
        self._config = config
        self._journal = journal
        self._queue = queue
        self._subscribers = Subscribers()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._limit = RateLimit(time.monotonic())
        self._limited: dict[Address, float] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._receive, name="osc", daemon=True)
        self._commands = Commands(config, journal, queue, self._subscribers, self._answer, quit)

    def open(self) -> int:
        """Take the port and return its number; raises DaemonError when another program has it."""
        with contextlib.suppress(OSError):  # what the system allows is enough
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets others steal a port otherwise
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        try:
            self._socket.bind((OSC_HOST, self._config.osc_port))
        except OSError as error:
            self._socket.close()
            raise DaemonError(
                f"osc-port {self._config.osc_port} on {OSC_HOST} cannot be used "
                f"({error.strerror}); choose another with --osc-port"
            ) from error
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to answer, and to tell the queue's events."""
        self._queue.listeners.append(self.publish)
        self._thread.start()

    def close(self, reason: str) -> None:
        """Say goodbye to the subscribers and give the port back."""
        for lease in self._subscribers.listening():
            self._send(osc.Bye(reason), lease.target)
        self._closing = True
        if self._thread.is_alive():
            with contextlib.suppress(OSError):
                self._socket.sendto(b"", self._socket.getsockname())  # wakes recvfrom up
            if threading.current_thread() is not self._thread:
                self._thread.join(2.0)
        self._socket.close()

    def heartbeat(self) -> None:
        """Tell everybody who listens to events that the daemon lives; end leases that are over."""
        self._subscribers.expire(time.monotonic())
        beat = osc.Heartbeat(
            self._journal.epoch,
            self._journal.head_seq,
            self._journal.count(JobState.RUNNING),
            self._journal.count(JobState.QUEUED),
        )
        for lease in self._subscribers.listening():
            if lease.style != "simple":
                self._send(beat, lease.target)

    def publish(self, event: Event) -> None:
        """Tell an event to those it concerns, in the style each has asked for."""
        now = time.monotonic()
        for lease in self._subscribers.listening():
            if lease.expires_seconds <= now or not lease.wants(event.job.owner):
                continue
            if event.kind is EventKind.PROGRESS:
                stage = str(event.details["stage"])
                if not self._subscribers.may_send_progress(lease, stage, now):
                    continue
            if lease.style != "simple":
                self._send(as_message(event, self._queue), lease.target)
            if lease.style != "events":
                for message in as_ui_messages(event):
                    self._send(message, lease.target)

    def _receive(self) -> None:
        while True:
            try:
                datagram, source = self._socket.recvfrom(MAX_DATAGRAM_BYTES)
            except ConnectionError:  # Windows: an answer to a client that is gone came back
                continue
            except OSError:
                if self._closing:
                    return
                raise
            if self._closing:
                return
            self._take(datagram, source)

    def _take(self, datagram: bytes, source: Address) -> None:
        """Carry out one datagram; nothing in it can end this thread."""
        now = time.monotonic()
        try:
            if not self._limit.allows(source, now):
                self._refuse_flood(source, now)
                return
            commands = decode(datagram)
        except DecodeError as error:
            log.debug("datagram from %s:%d not understood: %s", *source, error)
            return
        self._subscribers.renew(source, now)
        for command in commands:
            self._carry_out(command, source)

    def _carry_out(self, command: OscMessage, source: Address) -> None:
        try:
            message = read_command(command)
            if message is not None:
                for answer in self._commands.carry_out(message, source):
                    self._answer(answer, source)
        except ProtocolError as error:
            self._refuse(command, source, error)
        except sqlite3.Error as error:
            log.exception("the journal failed")
            told = ProtocolError(Code.DISK_FULL, f"the journal cannot be read or written: {error}")
            self._refuse(command, source, told)
        except Exception as error:
            log.exception("%s failed", command.address)
            where = self._config.log_folder / "daemon.log"
            sentence = f"an unexpected error ({type(error).__name__}); the details are in {where}"
            self._refuse(command, source, ProtocolError(Code.INTERNAL, sentence))

    def _refuse(self, command: OscMessage, source: Address, error: ProtocolError) -> None:
        try:
            refusal = osc.ErrorReply.of(request_id(command), command.address, error)
        except ProtocolError:  # an id that cannot be sent back: the error goes without it
            refusal = osc.ErrorReply.of("", command.address, error)
        self._answer(refusal, source)

    def _refuse_flood(self, source: Address, now: float) -> None:
        """Tell a client once a second that it sends too much; the rest is dropped in silence."""
        if now - self._limited.get(source, 0.0) < 1.0:
            return
        if len(self._limited) > 1_024:
            self._limited.clear()
        self._limited[source] = now
        error = ProtocolError(Code.RATE_LIMITED, "more than 200 messages a second; some were lost")
        self._answer(osc.ErrorReply.of("", "", error), source)

    def _answer(self, message: osc.Message, source: Address) -> None:
        self._send(message, self._subscribers.target(source))

    def _send(self, message: osc.Message, target: Address) -> None:
        try:
            self._socket.sendto(write(message), target)
        except (OSError, ProtocolError) as error:
            log.warning("%s was not sent to %s:%d: %s", type(message).__name__, *target, error)
