"""OSC over UDP: datagrams in, replies and events out.

One thread blocks in recvfrom and answers pings at once; the same on every platform, and no slower
than an event loop. All else it hands to a second thread, the desk, which carries it out in the
order it came and may have to wait for the disk. What cannot be decoded gets no answer.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from dataclasses import dataclass

from daemon.config import OSC_HOST
from daemon.errors import DaemonError
from daemon.front_ends.desk import Desk
from daemon.front_ends.exchange import Exchange
from daemon.front_ends.front_end import Service
from daemon.front_ends.guard import Guard, is_this_machine
from daemon.front_ends.subscribers import Address
from daemon.lan import token_in
from osc_protocol import messages as osc
from osc_protocol.codec import MAX_DATAGRAM_BYTES, decode
from osc_protocol.errors import Code, DecodeError, ProtocolError
from osc_protocol.grammar import is_ping

log = logging.getLogger("backline.osc")

RECEIVE_BUFFER_BYTES = 4 << 20  # the default holds some 256 datagrams: a burst would be lost
PER_CLIENT_HZ, PER_CLIENT_BURST = 200.0, 400.0
# Of all that are new, and of all others: a flood of many waits for itself.
TOTAL_HZ, TOTAL_BURST = 1_000.0, 2_000.0
MAX_CLIENTS = 1_024


class OscFrontEnd:
    """The UDP side of one daemon, from open() to close()."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = Guard(service.config.lan, token_in(service.config.token_file))
        self._exchange = Exchange(service, self._send, MAX_DATAGRAM_BYTES, self._guard)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._limit = RateLimit(time.monotonic())
        self._limited: dict[Address, float] = {}
        self._closing = False
        self._desk = Desk("osc-desk", self._exchange.carry_out)
        self._thread = threading.Thread(target=self._receive, name="osc", daemon=True)

    def open(self) -> None:
        """Take the port; raises DaemonError when another program has it."""
        port = self._service.config.osc_port
        with contextlib.suppress(OSError):  # what the system allows is enough
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets others steal a port otherwise
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        try:
            self._socket.bind((self._service.config.osc_host, port))
        except OSError as error:
            self._socket.close()
            raise DaemonError(
                f"osc-port {port} on {self._service.config.osc_host} cannot be used "
                f"({error.strerror}); choose another with --osc-port"
            ) from error
        self._service.ports["osc"] = int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to answer, and to send the queue's events."""
        self._service.queue.listeners.append(self._exchange.publish)
        self._desk.start()
        self._thread.start()

    def heartbeat(self) -> None:
        """Send the heartbeat to all who subscribed to events; end leases that are over."""
        self._exchange.heartbeat()

    def close(self, reason: str) -> None:
        """Say goodbye to the subscribers and give the port back."""
        self._exchange.say_bye(reason)
        self._closing = True
        if self._thread.is_alive():
            with contextlib.suppress(OSError):
                own = OSC_HOST, self._service.ports["osc"]
                self._socket.sendto(b"", own)  # wakes recvfrom up
            if threading.current_thread() is not self._thread:
                self._thread.join(2.0)
        self._desk.close()
        self._socket.close()

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
        if not self._guard.knows_host(source[0]):
            return
        self._guard.receive(source, len(datagram))
        if not self._limit.allows(source, now):
            self._refuse_flood(source, now)
            return
        try:
            commands = decode(datagram)
        except DecodeError as error:
            log.debug("datagram from %s:%s not understood: %s", *source, error)
            return
        is_message = datagram.startswith(b"/")  # not a bundle of one
        if is_message and is_ping(commands[0]) and is_this_machine(source[0]):
            self._exchange.answer_ping(datagram, commands[0], source)
            return
        # A bundle costs what its messages would cost in datagrams of their own.
        if len(commands) > 1 and not self._limit.allows(source, now, len(commands) - 1):
            self._refuse_flood(source, now)
        elif not self._desk.take(commands, source):
            self._refuse_flood(source, now)

    def _refuse_flood(self, source: Address, now: float) -> None:
        """Tell a client once a second that it sends too much; the rest is dropped in silence."""
        if now - self._limited.get(source, 0.0) < 1.0:
            return
        if len(self._limited) > 1_024:
            self._limited.clear()
        self._limited[source] = now
        error = ProtocolError(Code.RATE_LIMITED, "more than 200 messages a second; some were lost")
        self._exchange.answer(osc.ErrorReply.of("", "", error), source)

    def _send(self, packet: bytes, kind: type[osc.Message], target: Address) -> None:
        if not self._guard.may_be_sent(target, len(packet)):
            return
        try:
            self._socket.sendto(packet, target)
        except OSError as error:
            log.warning("%s was not sent to %s:%s: %s", kind.__name__, *target, error)


@dataclass(slots=True)
class _Bucket:
    """A token bucket: how many messages may be sent, filled up at a rate."""

    tokens: float
    filled_seconds: float

    def take(self, count: int, now: float, rate_hz: float, burst: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.filled_seconds) * rate_hz)
        self.filled_seconds = now
        if self.tokens < count:
            return False
        self.tokens -= count
        return True


class RateLimit:
    """Says for each message whether it is within the limits; times are monotonic seconds.

    There is a bucket for each client, one for all that are new, and one for all others together.
    While that one is empty, those that keep well within their own limit go on, and floods do not.
    """

    def __init__(self, now: float) -> None:
        self._new, self._total = _Bucket(TOTAL_BURST, now), _Bucket(TOTAL_BURST, now)
        self._clients: dict[Address, _Bucket] = {}  # who has sent last is at the end

    def allows(self, source: Address, now: float, count: int = 1) -> bool:
        """Count messages of `source`; False when they are too many."""
        bucket = self._clients.pop(source, None)
        if bucket is None:
            if not self._new.take(count, now, TOTAL_HZ, TOTAL_BURST):
                return False
            if len(self._clients) >= MAX_CLIENTS:
                del self._clients[next(iter(self._clients))]
            bucket = self._clients[source] = _Bucket(PER_CLIENT_BURST, now)
            return bucket.take(count, now, PER_CLIENT_HZ, PER_CLIENT_BURST)
        self._clients[source] = bucket
        if not bucket.take(count, now, PER_CLIENT_HZ, PER_CLIENT_BURST):
            return False
        is_calm = bucket.tokens >= PER_CLIENT_BURST / 2
        return self._total.take(count, now, TOTAL_HZ, TOTAL_BURST) or is_calm
