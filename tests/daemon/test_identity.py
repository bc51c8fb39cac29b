"""The same request id is the same job, whatever happened to daemon and client in between."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.front_ends.subscribers import MAX_PEERS, Subscribers, address_of, address_text
from osc_protocol.codec import OscMessage, decode, encode

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")
TAKE1 = encode(
    "/backline/generate", "ssfsssisi", ("take1", "bpm", 240.0, "key", "C", "bars", 1, "seed", 7)
)


class Wire:
    """One socket, which stays while daemons come and go."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(DEADLINE_SECONDS)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def ask(self, port: int, datagram: bytes) -> OscMessage:
        self._socket.sendto(datagram, ("127.0.0.1", port))
        (message,) = decode(self._socket.recv(65_507))
        return message

    def hello(self, port: int, client_id: str) -> None:
        answer = self.ask(port, encode("/backline/hello", "ssss", ("h", "test", "id", client_id)))
        assert answer.address == "/backline/welcome"


def accepted(message: OscMessage) -> tuple[object, object]:
    assert message.address == "/backline/accepted", message
    return message.args[1], message.args[4]  # job, duplicate


@posix_only
def test_a_client_is_known_by_its_id_after_the_daemon_was_killed(
    launch: Callable[..., object], tmp_path: Path
) -> None:
    with Wire() as wire, Wire() as another:
        first = launch(tmp_path)
        wire.hello(first.port, "reaper")  # type: ignore[attr-defined]
        job, _ = accepted(wire.ask(first.port, TAKE1))  # type: ignore[attr-defined]
        first.ends_with(signal.SIGKILL)  # type: ignore[attr-defined]

        second = launch(tmp_path)
        assert accepted(wire.ask(second.port, TAKE1)) == (job, 1)  # type: ignore[attr-defined]
        another.hello(second.port, "reaper")  # type: ignore[attr-defined]
        assert accepted(another.ask(second.port, TAKE1)) == (job, 1)  # type: ignore[attr-defined]
        second.ends_with(signal.SIGTERM)  # type: ignore[attr-defined]


def test_a_request_is_its_job_although_hundreds_said_hello_since(daemon) -> None:
    with Wire() as wire, ExitStack() as others:
        wire.hello(daemon.port, "evicted")
        job, duplicate = accepted(wire.ask(daemon.port, TAKE1))
        assert duplicate == 0
        for number in range(520):  # of which a daemon once remembered 512
            with Wire() as other:
                other.hello(daemon.port, f"other{number}")
        assert accepted(wire.ask(daemon.port, TAKE1)) == (job, 1)
        newcomer = others.enter_context(Wire())
        newcomer.hello(daemon.port, "evicted")
        assert accepted(newcomer.ask(daemon.port, TAKE1)) == (job, 1)


def test_a_request_from_before_its_client_had_an_id_is_its_job(daemon) -> None:
    again = TAKE1.replace(b"take1", b"take2")
    with Wire() as wire:
        job, _ = accepted(wire.ask(daemon.port, again))
        wire.hello(daemon.port, "late")
        assert accepted(wire.ask(daemon.port, again)) == (job, 1)


def test_addresses_are_kept_as_text() -> None:
    for address in (("127.0.0.1", 9902), ("127.0.0.1", "take_1"), ("127.0.0.1", "9902")):
        assert address_of(address_text(address)) == address


def test_only_so_many_clients_are_remembered_and_the_latest_are() -> None:
    subscribers = Subscribers()
    for port in range(1, MAX_PEERS + 2):
        subscribers.introduce(("127.0.0.1", port), "id", 0)
    assert subscribers.owner(("127.0.0.1", 1)) == "127.0.0.1"
    assert subscribers.owner(("127.0.0.1", 2)) == "127.0.0.1#id"
