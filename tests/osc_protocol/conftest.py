"""A small stand-in for the daemon on a real UDP socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from osc_protocol.codec import decode
from osc_protocol.grammar import read_command, write
from osc_protocol.messages import Hello, Message, Notify

Answering = Callable[[Message], Iterable[Message]]


class Responder:
    """Answers each datagram with what `answer` gives for its command; keeps all that came."""

    def __init__(self) -> None:
        self.answer: Answering = lambda command: ()
        self.datagrams: list[bytes] = []
        self.commands: list[Message] = []
        self.client: tuple[str, int] | None = None
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Send to the client that was heard last."""
        self.send_bytes(write(message))

    def send_bytes(self, datagram: bytes) -> None:
        assert self.client is not None
        self._socket.sendto(datagram, self.client)

    def wait_for(self, wanted: Callable[[list[Message]], bool]) -> None:
        """Wait until the commands that came, without greetings, satisfy `wanted`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: wanted(self.orders()), timeout=20)

    def orders(self) -> list[Message]:
        """What came, apart from the greetings that clients send unasked."""
        return [command for command in self.commands if not isinstance(command, Hello)]

    def notifications(self) -> list[Notify]:
        return [command for command in self.commands if isinstance(command, Notify)]

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                datagram, source = self._socket.recvfrom(65_536)
            except ConnectionError:  # Windows tells of a client that has gone
                continue
            if not datagram:
                return
            self.client = source
            for osc in decode(datagram):
                command = read_command(osc)
                assert command is not None
                with self._arrived:
                    self.datagrams.append(datagram)
                    self.commands.append(command)
                    self._arrived.notify_all()
                for answer in self.answer(command):
                    self._socket.sendto(write(answer), source)


@pytest.fixture
def responder() -> Iterator[Responder]:
    stand_in = Responder()
    yield stand_in
    stand_in.close()
