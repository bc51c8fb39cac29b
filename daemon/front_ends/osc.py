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
from collections.abc import Callable, Iterator

from daemon.config import OSC_HOST, Config
from daemon.errors import DaemonError
from daemon.front_ends.osc_events import as_message, as_ui_messages, fraction_of, job_reply
from daemon.front_ends.rate_limit import RateLimit
from daemon.front_ends.subscribers import Address, Subscribers, Subscription, host_of
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal import Journal
from daemon.queue import JobQueue
from osc_protocol import messages as osc
from osc_protocol.addresses import PROTOCOL_MAJOR, PROTOCOL_MINOR
from osc_protocol.codec import MAX_DATAGRAM_BYTES, OscMessage, decode
from osc_protocol.errors import Code, DecodeError, ProtocolError
from osc_protocol.grammar import read_command, request_id, write
from stems.manifest import backline_version

log = logging.getLogger("backline.osc")

RECEIVE_BUFFER_BYTES = 4 << 20  # the default holds some 256 datagrams: a burst would be lost
CAPABILITIES = ":udp:blob:"


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
        self._quit = quit
        self._subscribers = Subscribers()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._started_seconds = time.monotonic()
        self._limit = RateLimit(self._started_seconds)
        self._limited: dict[Address, float] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._receive, name="osc", daemon=True)
        self._handlers: dict[type[osc.Message], Callable[..., Iterator[osc.Message]]] = {
            osc.Ping: self._ping,
            osc.Hello: self._hello,
            osc.QueryVersion: self._version,
            osc.QueryStatus: self._status,
            osc.Sync: self._sync,
            osc.Notify: self._notify,
            osc.Generate: self._generate,
            osc.Cancel: self._cancel,
            osc.QueryJob: self._job,
            osc.QueryJobs: self._jobs,
            osc.QueryStems: self._stems,
            osc.Quit: self._quit_asked,
        }

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
                for answer in self._handlers[type(message)](message, source):
                    self._answer(answer, source)
        except ProtocolError as error:
            self._answer(osc.ErrorReply.of(request_id(command), command.address, error), source)
        except sqlite3.Error as error:
            log.exception("the journal failed")
            refusal = ProtocolError(Code.DISK_FULL, f"the journal cannot be written: {error}")
            self._answer(osc.ErrorReply.of(request_id(command), command.address, refusal), source)
        except Exception as error:
            log.exception("%s failed", command.address)
            where = self._config.log_folder / "daemon.log"
            sentence = f"an unexpected error ({type(error).__name__}); the details are in {where}"
            refusal = ProtocolError(Code.INTERNAL, sentence)
            self._answer(osc.ErrorReply.of(request_id(command), command.address, refusal), source)

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
        except OSError as error:
            log.debug("nothing could be sent to %s:%d: %s", *target, error)

    # One method a command; each yields its answers.

    def _ping(self, ping: osc.Ping, source: Address) -> Iterator[osc.Message]:
        address = "/pong" if ping.address == "/ping" else "/backline/pong"
        yield osc.Pong(ping.args, ping.tags, address)

    def _hello(self, hello: osc.Hello, source: Address) -> Iterator[osc.Message]:
        if hello.proto != PROTOCOL_MAJOR:
            raise ProtocolError(
                Code.INCOMPATIBLE_PROTOCOL,
                f"proto must be {PROTOCOL_MAJOR}, which this daemon speaks, not {hello.proto}",
                "proto",
            )
        self._subscribers.introduce(source, hello.id, hello.port)
        yield osc.Welcome(
            hello.rid, "backline", PROTOCOL_MAJOR, PROTOCOL_MINOR, self._journal.epoch,
            backline_version(), CAPABILITIES, "", self._engine(), MAX_DATAGRAM_BYTES,
        )  # fmt: skip

    def _version(self, query: osc.QueryVersion, source: Address) -> Iterator[osc.Message]:
        version = backline_version()
        yield osc.VersionReply(query.rid, "backline", PROTOCOL_MAJOR, PROTOCOL_MINOR, version)

    def _status(self, query: osc.QueryStatus, source: Address) -> Iterator[osc.Message]:
        yield osc.StatusReply(
            query.rid,
            self._journal.epoch,
            self._queue.state(),
            self._journal.count(JobState.RUNNING),
            self._journal.count(JobState.QUEUED),
            len(self._subscribers.listening()),
            self._journal.head_seq,
            0.0,
            0.0,
            int(time.monotonic() - self._started_seconds),
            self._engine(),
        )

    def _sync(self, sync: osc.Sync, source: Address) -> Iterator[osc.Message]:
        # Requests are carried out in the order they come in, so all earlier ones are decided.
        yield osc.Synced(sync.rid, 0, self._journal.head_seq)

    def _notify(self, notify: osc.Notify, source: Address) -> Iterator[osc.Message]:
        if not notify.on:
            done = self._notify_done(notify)
            self._answer(done, source)  # before the reply address is forgotten with the lease
            self._subscribers.unsubscribe(source, notify.port)
            return
        lease = Subscription(
            target=source,
            owner=self._subscribers.owner(source),
            scope=notify.scope,
            style=notify.style,
            rate_hz=notify.rate,
            lease_seconds=notify.lease,
            expires_seconds=time.monotonic() + notify.lease,
        )
        if not self._subscribers.subscribe(source, notify.port, lease):
            raise ProtocolError(Code.RATE_LIMITED, "too many subscribers; one must leave first")
        yield self._notify_done(notify)
        if notify.style != "events":
            yield osc.UiState("running" if self._queue.running else "idle")

    def _notify_done(self, notify: osc.Notify) -> osc.Message:
        return osc.NotifyDone(
            notify.rid, "/backline/notify", notify.on, notify.lease,
            self._journal.head_seq, self._journal.epoch,
        )  # fmt: skip

    def _generate(self, generate: osc.Generate, source: Address) -> Iterator[osc.Message]:
        request = generate.request
        owner = self._subscribers.owner(source)

        def acknowledge(job: Job, position: int, duplicate: bool) -> None:
            accepted = osc.Accepted(generate.rid, job.number, job.state, position, duplicate, -1.0)
            self._answer(accepted, source)

        if request.engine not in self._config.engines:
            raise ProtocolError(
                Code.MODEL_UNAVAILABLE,
                f"engine {request.engine} is not in this version yet; "
                f"use {', '.join(self._config.engines)}",
                "engine",
            )
        if self._journal.find_rid(owner, generate.rid) is None or generate.dry_run:
            request.read_melody()  # what is wrong with it is said now, not when its turn comes
        if generate.dry_run:
            yield osc.Accepted(generate.rid, 0, "dry-run", 0, False, -1.0)
            return
        self._queue.submit(owner, generate.rid, generate.digest, request.as_dict(), acknowledge)

    def _cancel(self, cancel: osc.Cancel, source: Address) -> Iterator[osc.Message]:
        if cancel.target == 0:
            job = self._journal.newest_of_host(source[0])
        else:
            job = self._find(cancel.target, source)
        if job is None:
            raise _not_found(cancel.target)
        outcome = self._queue.cancel(job.number)
        yield osc.CancelDone(cancel.rid, "/backline/cancel", job.number, outcome)

    def _job(self, query: osc.QueryJob, source: Address) -> Iterator[osc.Message]:
        job = self._find(query.target, source)
        if job is None:
            raise _not_found(query.target)
        yield job_reply(query.rid, job, self._queue, stems=len(self._journal.stems(job.number)))

    def _jobs(self, query: osc.QueryJobs, source: Address) -> Iterator[osc.Message]:
        jobs, total = self._journal.page(query.offset, query.limit)
        for index, job in enumerate(jobs):
            fraction = fraction_of(job, self._queue)
            yield osc.JobsItem(query.rid, index, job.number, job.rid, job.state, fraction)
        yield osc.JobsEnd(query.rid, len(jobs), total)

    def _stems(self, query: osc.QueryStems, source: Address) -> Iterator[osc.Message]:
        job = self._find(query.target, source)
        if job is None:
            raise _not_found(query.target)
        events = self._journal.stems(job.number)
        for event in events:
            yield as_message(event, self._queue)
        yield osc.StemsEnd(query.rid, len(events), len(events))

    def _quit_asked(self, quit: osc.Quit, source: Address) -> Iterator[osc.Message]:
        yield osc.QuitDone(quit.rid, "/backline/quit", quit.mode)
        self._quit(quit.mode)

    def _find(self, target: str | int, source: Address) -> Job | None:
        """Find a job by request id (the client's own, else its host's) or by number."""
        if isinstance(target, int):
            return self._journal.find(target)
        owner = self._subscribers.owner(source)
        job = self._journal.find_rid(owner, target)
        job = job or self._journal.find_rid(host_of(owner), target)
        if job is None and target.isdecimal():
            return self._journal.find(min(int(target), (1 << 62)))
        return job

    def _engine(self) -> str:
        return self._config.warm_engine if self._queue.is_warm else ""


def _not_found(target: str | int) -> ProtocolError:
    wanted = f"job {target}" if target != 0 else "job of this host"
    return ProtocolError(Code.NOT_FOUND, f"there is no {wanted}", "target")
