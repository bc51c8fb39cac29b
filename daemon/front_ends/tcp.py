"""OSC over TCP, on the port number of UDP: nothing is lost, and packets may be large.

One thread waits for all connections; whatever is no OSC, such as HTTP, is closed at its first byte.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field

from daemon.errors import DaemonError
from daemon.front_ends.desk import Desk
from daemon.front_ends.exchange import Exchange
from daemon.front_ends.framing import Framing
from daemon.front_ends.front_end import Service
from daemon.front_ends.guard import Guard
from daemon.front_ends.osc import RateLimit
from daemon.front_ends.subscribers import Address
from daemon.lan import token_in
from osc_protocol import messages as osc
from osc_protocol.codec import decode
from osc_protocol.errors import Code, DecodeError, ProtocolError

log = logging.getLogger("backline.tcp")

MAX_PACKET_BYTES = 2 << 20
MAX_CONNECTIONS = 256
MAX_UNSENT_BYTES = 8 << 20  # to a client that does not read
FIRST_PACKET_SECONDS = 10.0
READ_BYTES = 1 << 16


@dataclass(eq=False, slots=True)
class _Connection:
    socket: socket.socket
    source: Address
    opened_seconds: float
    framing: Framing = field(default_factory=lambda: Framing(MAX_PACKET_BYTES))
    has_spoken: bool = False
    unsent: bytearray = field(default_factory=bytearray)
    lock: threading.Lock = field(default_factory=threading.Lock)


class TcpFrontEnd:
    """The TCP side of one daemon, from open() to close()."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = Guard(service.config.lan, token_in(service.config.token_file))
        self._exchange = Exchange(service, self._send, MAX_PACKET_BYTES, self._guard)
        self._desk = Desk("tcp-desk", self._exchange.carry_out)
        self._limit = RateLimit(time.monotonic())
        self._selector = selectors.DefaultSelector()
        self._connections: dict[Address, _Connection] = {}
        self._wake, self._woken = socket.socketpair()
        self._closing = self._is_open = False
        self._thread = threading.Thread(target=self._serve, name="tcp", daemon=True)
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def open(self) -> None:
        """Take the port that UDP has; raises DaemonError when another program has it."""
        port = self._service.ports.get("osc", self._service.config.osc_port)
        host = self._service.config.osc_host
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # connections of an earlier daemon that are closing are no reason to wait
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, port))
            self._listener.listen(64)
        except OSError as error:
            self._listener.close()
            if not self._service.config.osc_port:  # the one that UDP was given is taken here
                log.warning("no TCP: port %d is taken", port)
                return
            raise DaemonError(
                f"osc-port {port} on {host} cannot be used for TCP ({error.strerror}); choose "
                "another with --osc-port"
            ) from error
        self._listener.setblocking(False)
        self._woken.setblocking(False)
        self._is_open = True

    def start(self) -> None:
        """Begin to answer, and to send the queue's events."""
        if not self._is_open:
            return
        self._service.queue.listeners.append(self._exchange.publish)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._desk.start()
        self._thread.start()

    def heartbeat(self) -> None:
        """Send the heartbeat to all who subscribed to events; end leases that are over."""
        self._exchange.heartbeat()

    def close(self, reason: str) -> None:
        """Say goodbye to the subscribers and close all connections."""
        self._exchange.say_bye(reason)
        self._desk.close()
        self._closing = True
        self._wake_up()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2.0)
        for connection in list(self._connections.values()):
            self._drop(connection)
        for each in (self._listener, self._wake, self._woken):
            each.close()
        self._selector.close()

    def _serve(self) -> None:
        while not self._closing:
            for key, events in self._selector.select(timeout=1.0):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    with contextlib.suppress(OSError):
                        self._woken.recv(4096)
                    self._watch_unsent()
                elif events & selectors.EVENT_WRITE:
                    self._flush(key.data)
                else:
                    self._read(key.data)
            self._drop_silent()

    def _accept(self) -> None:
        try:
            accepted, (host, port) = self._listener.accept()
        except OSError:  # it went away again
            return
        if len(self._connections) >= MAX_CONNECTIONS or not self._guard.knows_host(host):
            accepted.close()
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        source: Address = (host, f"tcp:{port}")
        connection = _Connection(accepted, source, time.monotonic())
        self._connections[source] = connection
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        self._guard.receive(connection.source, len(data))
        try:
            for packet in connection.framing.feed(data):
                commands = decode(packet, MAX_PACKET_BYTES)
                connection.has_spoken = True
                allowed = self._limit.allows(connection.source, time.monotonic(), len(commands))
                if not allowed or not self._desk.take(commands, connection.source):
                    sentence = "more than 200 messages a second; this one was not carried out"
                    error = ProtocolError(Code.RATE_LIMITED, sentence)
                    self._exchange.answer(osc.ErrorReply.of("", "", error), connection.source)
        except DecodeError as error:  # nothing after it can be understood either
            log.debug("connection of %s:%s closed: %s", *connection.source, error)
            self._drop(connection)

    def _send(self, packet: bytes, kind: type[osc.Message], target: Address) -> None:
        connection = self._connections.get(target)
        if connection is None:
            return
        framed = connection.framing.frame(packet)
        if not self._guard.may_be_sent(target, len(framed)):
            return
        with connection.lock:
            if not connection.unsent:
                with contextlib.suppress(OSError):
                    framed = framed[connection.socket.send(framed) :]
            connection.unsent += framed
        if connection.unsent:
            self._wake_up()

    def _watch_unsent(self) -> None:
        """Have the selector wait for those who have not taken all, and drop who takes nothing."""
        for connection in list(self._connections.values()):
            if len(connection.unsent) > MAX_UNSENT_BYTES:
                self._drop(connection)
            elif connection.unsent:
                both = selectors.EVENT_READ | selectors.EVENT_WRITE
                self._selector.modify(connection.socket, both, connection)

    def _flush(self, connection: _Connection) -> None:
        with connection.lock:
            try:
                del connection.unsent[: connection.socket.send(connection.unsent)]
            except BlockingIOError:
                return
            except OSError:
                connection.unsent.clear()
            if not connection.unsent:
                self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _drop_silent(self) -> None:
        """Close connections that have sent nothing whole: a port scanner, a slow attack."""
        now = time.monotonic()
        for connection in list(self._connections.values()):
            waited = now - connection.opened_seconds
            if not connection.has_spoken and waited > FIRST_PACKET_SECONDS:
                self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        if self._connections.pop(connection.source, None) is None:
            return
        self._exchange.subscribers.leave(connection.source)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self._selector.unregister(connection.socket)
        connection.socket.close()

    def _wake_up(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")
