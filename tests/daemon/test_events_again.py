"""Events that were missed: asked for again from a number, or sent again until acknowledged."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.front_ends.resending import RESEND_SECONDS, Resending
from daemon.front_ends.subscribers import Address
from osc_protocol.client import Client
from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished, Message, Replay, ReplayEnd

Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


@pytest.fixture
def wire(daemon) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(DEADLINE_SECONDS)
        wire.connect(("127.0.0.1", daemon.port))
        yield wire


def read(wire: socket.socket) -> OscMessage:
    (message,) = decode(wire.recv(65_507))
    return message


def read_until(wire: socket.socket, address: str) -> list[OscMessage]:
    came = [read(wire)]
    while came[-1].address != address:
        came.append(read(wire))
    return [each for each in came if each.address != "/backline/heartbeat"]


def test_all_durable_events_after_a_number_come_again(
    client: Client, ask: Ask, story: Story, wire: socket.socket
) -> None:
    head = client.status().head_seq
    job = client.submit(ask(seed=301)).job
    told = story(client, job)
    wire.send(encode("/backline/replay", "sii", ("r1", 0, head)))
    *events, end = read_until(wire, "/backline/replay.end")
    assert [each.args[0] for each in events] == [event.seq for event in told]  # type: ignore[attr-defined]
    assert end.args == ("r1", 7, head + 7)  # queued, started, 4 stems, finished
    wire.send(encode("/backline/replay", "sii", ("r2", 1, head + 5)))
    *events, end = read_until(wire, "/backline/replay.end")
    assert [each.address for each in events] == ["/backline/stem", "/backline/finished"]


def test_events_come_again_from_before_a_restart(launch, tmp_path: Path, ask: Ask, story) -> None:
    first = launch(tmp_path)
    with first.client() as client:
        client.subscribe()
        story(client, client.submit(ask("refuse")).job)
        client.quit()
    assert first.process.wait(DEADLINE_SECONDS) == 0
    second = launch(tmp_path)
    with second.client() as client:
        end = client.ask(Replay, ReplayEnd, epoch=2, after_seq=0)
        assert (end.sent, end.through_seq) == (3, 3)
        with pytest.raises(ProtocolError) as refusal:
            client.ask(Replay, ReplayEnd, epoch=1, after_seq=0)
        assert (refusal.value.code, refusal.value.field) == (Code.GONE, "epoch")
        client.quit()
    assert second.process.wait(DEADLINE_SECONDS) == 0


def test_a_reliable_subscriber_gets_events_again_until_it_acknowledges_them(
    client: Client, ask: Ask, wire: socket.socket
) -> None:
    reliable = ("n1", 1, "scope", "all", "reliable", 1, "lease", 3_600)
    wire.send(encode("/backline/notify", "sisssisi", reliable))
    read_until(wire, "/backline/done")
    job = client.submit(ask("refuse")).job
    seen: dict[int, int] = {}
    first: OscMessage | None = None
    while max(seen.values(), default=0) < 3:
        message = read(wire)
        if message.address == "/backline/finished" and message.args[2] == job:
            seq = int(str(message.args[0]))
            seen[seq] = seen.get(seq, 0) + 1
            assert first is None or message == first  # byte for byte what it was
            first = message
    assert first is not None
    wire.send(encode("/backline/ack", "i", (first.args[0],)))
    wire.send(encode("/backline/notify", "si", ("n2", 0)))
    read_until(wire, "/backline/done")


def test_an_acknowledgement_of_nothing_is_no_error_and_a_wrong_one_is(wire: socket.socket) -> None:
    wire.send(encode("/backline/ack", "i", (2**31 - 1,)))
    wire.send(encode("/backline/ack", "s", ("seven",)))
    error = read(wire)
    assert error.args[:3] == ("", "/backline/ack", Code.BAD_TYPE)


def test_an_event_is_sent_again_five_times_at_growing_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client: Address = ("127.0.0.1", 9902)
    resending = Resending(lambda packet, kind, target: None)
    monkeypatch.setattr(resending, "_run", lambda: None)  # time passes as this test says
    clock = 1000.0
    monkeypatch.setattr("daemon.front_ends.resending.time.monotonic", lambda: clock)
    resending.add(client, 7, b"packet", Finished)
    resending.add(client, 8, b"other", Finished)
    resending.acknowledge(client, 8)
    sent = []
    for _ in range(100):
        clock += 0.125
        sent += [clock - 1000.0 for _, each in resending._due(clock)]
    # 0.25, 0.5, 1, 2 and 4 s, each after the one before it.
    assert sent == [sum(RESEND_SECONDS[: count + 1]) for count in range(5)]
