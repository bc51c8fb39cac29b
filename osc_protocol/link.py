"""A UDP socket to the daemon on which requests find their answers although datagrams get lost.

A request is sent again, byte for byte, until its answer is there; the daemon takes identical
datagrams as one request.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import TypeVar

from osc_protocol.codec import MAX_DATAGRAM_BYTES, decode
from osc_protocol.errors import Code, NoAnswer, ProtocolError
from osc_protocol.grammar import read_answer, write
from osc_protocol.messages import ErrorReply, Hello, Message, Notify, Ping, Pong

RESEND_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0)
MAX_WAITING_EVENTS = 10_000

Answer = TypeVar("Answer", bound=Message)


class Link:
    """Open until close(). Each of `resend_seconds` is how long one sending waits for its answer.

    The lease of `subscription`, once set, is renewed while the link waits for anything.
    """

    def __init__(self, host: str, port: int, hello: Hello, resend_seconds: tuple[float, ...]):
        self.peer = f"{host}:{port}"
        self.resend_seconds = resend_seconds
        self._hello = hello
        self._is_introduced = False
        self._name = secrets.token_hex(4)
        self._numbers = count(1)
        self._events: deque[Message] = deque(maxlen=MAX_WAITING_EVENTS)
        self._subscription: Notify | None = None
        self._renew_at = 0.0  # on time.monotonic's clock
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.connect((host, port))
        except (OSError, OverflowError, UnicodeError) as error:
            self._socket.close()
            raise ProtocolError(Code.NOT_FOUND, f"{self.peer} cannot be reached: {error}") from None

    def close(self) -> None:
        """Unsubscribe, without waiting for an answer, and close the socket."""
        if self._subscription is not None:
            self._send(replace(self._subscription, rid=self.new_rid(), on=False))
        self._subscription = None
        self._socket.close()

    def new_rid(self) -> str:
        """Return a request id that no other link draws."""
        return f"{self._name}.{next(self._numbers)}"

    def keep_subscribed(self, subscription: Notify | None) -> None:
        """Renew this subscription from now on, at half of its lease."""
        self._subscription = subscription
        if subscription is not None:
            self._renew_at = time.monotonic() + subscription.lease / 2

    def renew_now(self) -> None:
        """Renew the subscription at the next occasion: the daemon may have been restarted."""
        self._renew_at = 0.0

    def exchange(
        self, command: Message, kind: type[Answer], timeout_seconds: float | None = None
    ) -> tuple[list[Message], Answer]:
        """Send until an answer of that class is there; return what came before, and the answer.

        Events among it are kept for next_event() as well. Raises the ProtocolError that was
        answered, or NoAnswer.
        """
        came: list[Message] = []
        end = time.monotonic() + (timeout_seconds or sum(self.resend_seconds))
        for wait_seconds in self.resend_seconds:
            # Unless it knows us the daemon may answer to the port that another program has
            # registered for this host; one that was restarted knows us no more.
            if not self._is_introduced and not isinstance(command, Hello):
                self._send(self._hello)
            self._send(command)
            deadline = min(time.monotonic() + wait_seconds, end)
            while (message := self._receive(deadline)) is not None:
                came.append(message)
                if message.row.direction == "event":
                    self._events.append(message)
                elif _echo(message) == _echo(command):
                    self._is_introduced = True
                    if isinstance(message, ErrorReply):
                        raise message.error()
                    if isinstance(message, kind):
                        return came, message
            self._is_introduced = False
        raise NoAnswer(
            f"no answer from {self.peer} to {command.row.address}; is `backline serve` running?"
        )

    def next_event(self, timeout_seconds: float) -> Message | None:
        """Return the next event that came or comes within the time, or None."""
        if self._events:
            return self._events.popleft()
        deadline = time.monotonic() + timeout_seconds
        while (message := self._receive(deadline)) is not None:
            if message.row.direction == "event":
                return message
        return None

    def _send(self, message: Message) -> None:
        datagram = write(message)
        # A peer that is not there, or no route, is as a lost datagram: nobody answers.
        with suppress(OSError):
            self._socket.send(datagram)

    def _receive(self, deadline: float) -> Message | None:
        """Return the next message known here, or None at the deadline; renews the lease.

        What has come already is found even when the deadline is over. Raises NoAnswer when the
        socket can hear nothing more.
        """
        while True:
            now = time.monotonic()
            wake = deadline
            if self._subscription is not None:
                if now >= self._renew_at:
                    self._renew_at = now + self._subscription.lease / 2
                    self._send(replace(self._subscription, rid=self.new_rid()))
                wake = min(deadline, self._renew_at)
            try:
                self._socket.settimeout(max(wake - now, 0.001))
                (osc,) = decode(self._socket.recv(MAX_DATAGRAM_BYTES))
                return read_answer(osc)
            except (TimeoutError, ConnectionError, ValueError):
                # Nothing came, the port is shut (ICMP says so), or a later daemon's message.
                if time.monotonic() >= deadline:
                    return None
            except OSError as error:
                raise NoAnswer(f"the link to {self.peer} is down: {error.strerror}") from None


def _echo(message: Message) -> object:
    """What an answer has in common with its request: the id, of a ping the arguments."""
    return message.args if isinstance(message, Ping | Pong) else getattr(message, "rid", None)
