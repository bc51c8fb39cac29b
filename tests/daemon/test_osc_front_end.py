"""The wire itself: raw datagrams, reply ports, hostile bytes, liblo's tools."""

from __future__ import annotations

import random
import re
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
PROTOCOL_PAGE = Path(__file__).parents[2] / "docs" / "guide" / "protocol.md"

HOSTILE = {
    "element of size -4": b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc",
    "empty": b"",
    "cut short": b"/backline/generate\0\0,f\0\0",
    "not UTF-8": b"/backline/job\0\0\0,s\0\0\xff\xfe\0\0",
    "time tag in 2036": b"#bundle\0" + b"\xff" * 8 + b"\0\0\0\x08/ping\0\0\0",
    "wildcards": b"/backline/************!\0,\0\0\0",
    "huge count": b"/ping\0\0\0," + b"i" * 60_000,
    "nested bundles": b"".join(b"#bundle\0" + bytes(8) + b"\0\0\0\x10" for _ in range(200)),
    "an HTTP request": b"POST / HTTP/1.1\r\n\r\n",
}


class Wire:
    """A socket that sends OSC to the daemon and reads what comes to it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(DEADLINE_SECONDS)
        self._daemon = ("127.0.0.1", port)
        self.port = self._socket.getsockname()[1]

    def send(self, address: str, tags: str = "", *args: object) -> None:
        self._socket.sendto(encode(address, tags, args), self._daemon)

    def send_bytes(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._daemon)

    def read(self) -> OscMessage:
        (message,) = decode(self._socket.recv(65_507))
        return message

    def read_until(self, address: str) -> OscMessage:
        deadline = time.monotonic() + DEADLINE_SECONDS  # heartbeats come all the while
        while (message := self.read()).address != address:
            assert time.monotonic() < deadline, f"no {address} came"
        return message

    def flood(self, datagram: bytes) -> OscMessage:
        """Send one thing until an error comes; what comes is read, for none of it to be lost."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            self.send_bytes(datagram)
            while select.select([self._socket], [], [], 0)[0]:
                if (message := self.read()).address == "/backline/error":
                    return message
        raise AssertionError("no error came")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def new_wire(daemon) -> Iterator[Callable[[], Wire]]:
    wires: list[Wire] = []

    def another() -> Wire:
        wires.append(Wire(daemon.port))
        return wires[-1]

    yield another
    for wire in wires:
        wire.close()


@pytest.fixture
def wire(new_wire: Callable[[], Wire]) -> Wire:
    return new_wire()


def test_a_ping_comes_back_with_its_arguments_and_types(wire: Wire) -> None:
    wire.send("/ping", "sif", "here", 7, 0.5)
    assert wire.read() == OscMessage("/pong", "sif", ("here", 7, 0.5))
    wire.send("/backline/ping")
    assert wire.read() == OscMessage("/backline/pong")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_datagram_changes_nothing(wire: Wire, name: str) -> None:
    wire.send_bytes(HOSTILE[name])
    wire.send("/ping", "s", name)
    answer = wire.read()
    while answer.args != (name,):  # of what it understood it answers the request first
        answer = wire.read()
    assert answer == OscMessage("/pong", "s", (name,))


def test_an_id_that_cannot_be_sent_back_is_left_out_of_the_error(wire: Wire) -> None:
    for rid in ("x" * 5_000, "a\x1b[31mb", "two words"):
        wire.send("/backline/job", "ss", rid, "job")
        error = wire.read()
        assert error.address == "/backline/error"
        assert error.args[1:3] == ("/backline/job", Code.OUT_OF_RANGE)


def test_thousands_of_damaged_datagrams_change_nothing(new_wire: Callable[[], Wire]) -> None:
    chance = random.Random(20)
    whole = [
        encode("/backline/hello", "sssi", ("h1", "fuzz", "port", 1)),
        encode("/backline/status", "s", ("s1",)),
        encode("/backline/notify", "siss", ("n1", 0, "style", "both")),
        encode("/backline/jobs", "sii", ("l1", 0, 20)),
        encode("/backline/job", "ss", ("j1", "nobody")),
        encode("/backline/cancel", "ss", ("c1", "nobody")),
        encode("/backline/stems", "si", ("t1", 2**31 - 1)),
        encode("/backline/generate", "sfsfs", ("g1", 0.0, "A minor", 10.0, "")),
    ]
    for wire in [new_wire() for _ in range(10)]:
        for _ in range(300):  # under the burst a client may send
            damaged = bytearray(chance.choice(whole))
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            wire.send_bytes(bytes(damaged[: chance.randint(0, len(damaged))]))
    calm = new_wire()
    calm.send("/backline/version", "s", "after")
    assert calm.read_until("/backline/version.reply").args[0] == "after"


def test_an_unknown_address_and_an_unknown_key_are_errors_that_say_so(wire: Wire) -> None:
    wire.send("/backline/genrate", "s", "r1")
    assert wire.read().args[2:4] == (Code.UNKNOWN_ADDRESS, "unknown-address")
    wire.send("/backline/generate", "ssfsssf", "r2", "bpm", 92.0, "key", "A minor", "tempo", 3.0)
    error = wire.read()
    assert error.address == "/backline/error"
    assert error.args[:4] == ("r2", "/backline/generate", Code.UNKNOWN_KEY, "unknown-key")
    assert error.args[5] == "tempo"


@pytest.mark.parametrize("bpm", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_tempo_that_is_none_is_refused_by_name(wire: Wire, bpm: float) -> None:
    wire.send("/backline/generate", "sfsfs", "r3", bpm, "A minor", 10.0, "")
    error = wire.read()
    assert error.address == "/backline/error"
    assert error.args[0] == "r3" and error.args[5] == "bpm"
    assert "from 20 to 400" in str(error.args[4])


def test_answers_go_to_the_port_a_host_registers_whoever_of_it_asks(
    new_wire: Callable[[], Wire],
) -> None:
    sender, listener, other_sender = new_wire(), new_wire(), new_wire()
    sender.send("/backline/notify", "ii", 1, listener.port)
    assert listener.read().address == "/backline/done"
    other_sender.send("/backline/version", "s", "v1")
    assert listener.read_until("/backline/version.reply").args[:2] == ("v1", "backline")
    other_sender.send("/backline/notify", "ii", 0, listener.port)
    assert listener.read_until("/backline/done").args[1:3] == ("/backline/notify", 0)
    other_sender.send("/ping")
    assert other_sender.read().address == "/pong"


def test_the_simple_style_tells_one_value_a_message(wire: Wire) -> None:
    # A lease of an hour: this test only listens, and a first job may take minutes.
    wire.send("/backline/notify", "sisssi", "n1", 1, "style", "simple", "lease", 3_600)
    assert wire.read_until("/backline/ui/state").args == ("idle",)
    wire.send("/backline/generate", "ssfsssi", "ui1", "bpm", 240.0, "key", "C", "bars", 1)
    told: list[OscMessage] = []
    while ("/backline/ui/state", ("done",)) not in [(m.address, m.args) for m in told]:
        told.append(wire.read())
    ours = [m for m in told if m.address.startswith("/backline/ui/")]
    assert all(len(message.args) == 1 for message in ours)
    states = [m.args[0] for m in ours if m.address == "/backline/ui/state"]
    assert states == ["queued", "running", "done"]
    assert not any(m.address == "/backline/finished" for m in told)
    wire.send("/backline/notify", "si", "n2", 0)
    assert wire.read_until("/backline/done").args[2] == 0


def test_a_bundle_is_carried_out_in_request(wire: Wire) -> None:
    bundle = b"#bundle\0" + bytes(8)
    for name in ("a", "b", "c"):
        message = encode("/ping", "s", (name,))
        bundle += len(message).to_bytes(4, "big") + message
    wire.send_bytes(bundle)
    assert [wire.read().args for _ in range(3)] == [("a",), ("b",), ("c",)]


def test_a_button_that_is_let_go_does_nothing(wire: Wire) -> None:
    wire.send("/backline/cancel", "f", 0.0)
    wire.send("/ping")
    assert wire.read().address == "/pong"


def bundle(*messages: bytes) -> bytes:
    return b"#bundle\0" + bytes(8) + b"".join(struct.pack(">i", len(m)) + m for m in messages)


def test_a_bundle_costs_what_its_messages_would(new_wire: Callable[[], Wire]) -> None:
    flood, calm = new_wire(), new_wire()
    error = flood.flood(bundle(*[encode("/ping", "", ())] * 64))
    assert error.args[2:4] == (Code.RATE_LIMITED, "rate-limited")
    calm.send("/ping", "s", "calm")
    assert calm.read().args == ("calm",)


def test_nobody_has_the_daemon_answer_itself(wire: Wire, daemon) -> None:
    for command in (
        ("/backline/notify", "ii", 1, daemon.port),
        ("/backline/hello", "sssi", "h", "me", "port", daemon.port),
    ):
        wire.send(*command)
        error = wire.read_until("/backline/error")
        assert (error.args[2], error.args[5]) == (Code.OUT_OF_RANGE, "port")


def test_a_flood_is_told_so_and_others_are_still_answered(new_wire: Callable[[], Wire]) -> None:
    flood, calm = new_wire(), new_wire()
    error = flood.flood(encode("/ping", "", ()))
    assert error.args[2:4] == (Code.RATE_LIMITED, "rate-limited")
    calm.send("/ping", "s", "calm")
    assert calm.read().args == ("calm",)


def test_a_subscriber_hears_the_heart_beat(wire: Wire) -> None:
    wire.send("/backline/notify", "si", "n1", 1)
    epoch, head_seq, running, queued = wire.read_until("/backline/heartbeat").args
    assert epoch == 1 and isinstance(head_seq, int)
    assert (running, queued) == (0, 0)
    wire.send("/backline/notify", "si", "n2", 0)
    wire.read_until("/backline/done")


def test_the_lines_of_the_protocol_page_drive_a_whole_job(daemon) -> None:
    missing = [tool for tool in ("oscsend", "oscdump") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: install the package liblo-tools")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        listener = str(probe.getsockname()[1])
    blocks = re.findall(r"```sh\n(.*?)```", PROTOCOL_PAGE.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    # The very lines of the page; only the ports are those that are free here.
    lines = [line.replace("9787", str(daemon.port)).replace("9902", listener) for line in lines]
    assert lines[0] == f"oscdump -L {listener} &"
    # What follows the line that ends the daemon is an example with a file of the reader's.
    lines = lines[: 1 + max(i for i, line in enumerate(lines) if "/backline/quit" in line)]
    with subprocess.Popen(
        lines[0].removesuffix(" &").split(), stdout=subprocess.PIPE, text=True
    ) as dump:
        watchdog = threading.Timer(DEADLINE_SECONDS, dump.kill)  # ends what reads its lines
        watchdog.start()
        try:
            heard = _play_lines(lines[1:], dump)
        finally:
            watchdog.cancel()
            dump.kill()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0
    addresses = [line.split()[1] for line in heard]
    # As many as there is time for.
    passing = ("/backline/progress", "/backline/heartbeat", "/knock")
    job = [a.removeprefix("/backline/") for a in addresses if a not in passing]
    assert job[:4] == ["done", "accepted", "queued", "started"]
    assert job[4:9] == ["stem"] * 4 + ["finished"]
    assert '"done"' in next(line for line in heard if "/backline/finished" in line)
    for asked in ("job.reply", "stems.end", "jobs.end", "status.reply", "bye"):
        assert f"/backline/{asked}" in addresses
    assert "/backline/error" not in addresses


def _play_lines(lines: list[str], dump: subprocess.Popen[str]) -> list[str]:
    """Run each line and read what oscdump prints until its answer, of a generate until its end."""
    ends = {
        "notify": "/backline/done", "job": "/backline/job.reply", "stems": "/backline/stems.end",
        "jobs": "/backline/jobs.end", "status": "/backline/status.reply",
        "cancel": '"/backline/cancel"', "quit": "/backline/bye",
    }  # fmt: skip
    assert dump.stdout is not None
    heard: list[str] = []
    _wait_for_listener(dump)
    for line in lines:
        subprocess.run(line, shell=True, check=True, timeout=DEADLINE_SECONDS)
        command = line.split("/backline/")[1].split()[0]
        first = command == "generate" and "take1" in line
        end = "/backline/finished" if first else ends.get(command, "/backline/accepted")
        heard.append(dump.stdout.readline())
        while end not in heard[-1]:
            assert heard[-1], f"oscdump ended before {end}"
            heard.append(dump.stdout.readline())
    return heard


def _wait_for_listener(dump: subprocess.Popen[str]) -> None:
    """Send to oscdump until it prints: it says nothing when it begins to listen.

    A knock may be lost without an error where the machine is busy, so that one is not enough.
    """
    port = int(str(dump.args[-1]))  # type: ignore[index]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
        knock.connect(("127.0.0.1", port))
        while not select.select([dump.stdout], [], [], 0.1)[0]:
            assert dump.poll() is None, "oscdump ended before it listened"
            with suppress(ConnectionRefusedError):
                knock.send(encode("/knock", "", ()))
