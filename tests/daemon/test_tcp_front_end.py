"""OSC through a stream: framings, whatever is no OSC, and a whole job."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from daemon.front_ends.framing import Framing
from daemon.front_ends.tcp import MAX_PACKET_BYTES
from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code, DecodeError

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
SEED = 5


def slip(packet: bytes, begin: bytes = b"\xc0") -> bytes:
    return begin + packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def with_length(packet: bytes) -> bytes:
    return struct.pack(">I", len(packet)) + packet


FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "slip": slip,
    "slip with one end": lambda packet: slip(packet, b""),
    "length": with_length,
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_packets_come_out_however_the_stream_is_cut(frame: Callable[[bytes], bytes]) -> None:
    chance = random.Random(SEED)
    sizes = [chance.randrange(1, 45) for _ in range(50)]
    packets = [encode("/ping", "sb", ("x" * size, chance.randbytes(2 * size))) for size in sizes]
    stream = b"".join(map(frame, packets))
    for _ in range(200):
        framing, came, at = Framing(1 << 16), list[bytes](), 0
        while at < len(stream):
            size = chance.choice((1, 2, 3, 7, 100, 5000))
            came += framing.feed(stream[at : at + size])
            at += size
        assert came == packets


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_what_is_sent_is_framed_as_what_came(frame: Callable[[bytes], bytes]) -> None:
    packet = encode("/pong", "b", (b"\xc0\xdb\xdc\xdd",))
    framing = Framing(1 << 16)
    assert list(framing.feed(frame(packet))) == [packet]
    assert list(Framing(1 << 16).feed(framing.frame(packet))) == [packet]


@pytest.mark.parametrize(
    "stream",
    [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n\r\n\xc0\xc0/ping\0\0\0,\0\0\0\xc0",
     b"\x16\x03\x01", b"OPTIONS ", b" ", b"\xff", b"\x01\0\0\0", b"\0\xff\xff\xff",
     b"\xc0\xdb\x00\xc0", b"\xc0" + b"/" * 200_000],
)  # fmt: skip
def test_a_stream_that_is_no_osc_is_refused(stream: bytes) -> None:
    with pytest.raises(DecodeError):
        list(Framing(1 << 16).feed(stream))


class Stream:
    """A connection to the daemon that reads what comes with a framing of its own."""

    def __init__(self, port: int, frame: Callable[[bytes], bytes] = slip) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self._frame, self._framing = frame, Framing(MAX_PACKET_BYTES)
        self._came: list[OscMessage] = []

    def close(self) -> None:
        self._socket.close()

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send(self, address: str, tags: str = "", *args: object) -> None:
        self._socket.sendall(self._frame(encode(address, tags, args)))

    def is_closed(self) -> bool:
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    def read(self) -> OscMessage:
        while not self._came:
            data = self._socket.recv(65_536)
            assert data, "the daemon closed the connection"
            self._came += [decode(packet)[0] for packet in self._framing.feed(data)]
        return self._came.pop(0)

    def read_until(self, address: str) -> OscMessage:
        while (message := self.read()).address != address:
            pass
        return message


@pytest.fixture
def connect(daemon) -> Iterator[Callable[..., Stream]]:
    with ExitStack() as streams:

        def stream(frame: Callable[[bytes], bytes] = slip) -> Stream:
            made = Stream(daemon.port, frame)
            streams.callback(made.close)
            return made

        yield stream


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_ping_comes_back_through_the_stream(connect, frame: Callable[[bytes], bytes]) -> None:
    stream = connect(frame)
    stream.send("/ping", "sif", "here", 7, 0.5)
    assert stream.read() == OscMessage("/pong", "sif", ("here", 7, 0.5))


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PRI"])
def test_http_is_closed_and_nothing_in_it_is_carried_out(connect, daemon, verb: str) -> None:
    stream = connect()
    quit_now = slip(encode("/backline/quit", "ss", ("q1", "now")))
    stream.send_bytes(f"{verb} / HTTP/1.1\r\nHost: x\r\n\r\n".encode() + b"\xc0" + quit_now)
    assert stream.is_closed()
    assert daemon.process.poll() is None
    again = connect()
    again.send("/ping")
    assert again.read().address == "/pong"


def test_a_job_is_requested_and_told_through_one_connection(connect) -> None:
    stream = connect(with_length)
    stream.send("/backline/notify", "si", "n1", 1)
    assert stream.read_until("/backline/done").args[1] == "/backline/notify"
    stream.send(
        "/backline/generate", "ssfsssiss", "tcp1", "bpm", 240.0, "key", "C", "bars", 1,
        "tags", "refuse",
    )  # fmt: skip
    assert stream.read_until("/backline/accepted").args[0] == "tcp1"
    assert "refuses" in str(stream.read_until("/backline/finished").args[6])


def test_a_melody_larger_than_a_datagram_fits(connect) -> None:
    words = ("m1", "bpm", 240.0, "key", "C", "dry-run", 1, "melody", b"MThd")
    small = encode("/backline/generate", "ssfsssisb", words)
    melody = b"MThd" + bytes(100_000)  # the blob is the last argument: its length, then its bytes
    stream = connect()
    stream.send_bytes(slip(small[:-8] + struct.pack(">I", len(melody)) + melody))
    error = stream.read_until("/backline/error")
    assert error.args[2] == Code.BAD_MIDI  # so it was read


def test_a_connection_cannot_be_answered_elsewhere(connect) -> None:
    stream = connect()
    stream.send("/backline/hello", "sssi", "h1", "test", "port", 9902)
    error = stream.read_until("/backline/error")
    assert (error.args[2], error.args[5]) == (Code.UNSUPPORTED, "port")


def test_a_connection_that_ends_frees_its_lease(connect) -> None:
    for _ in range(20):  # of one host at most 8 may subscribe
        stream = connect()
        stream.send("/backline/notify", "si", "n1", 1)
        assert stream.read_until("/backline/done").args[2] == 1
        stream.close()
        closed = connect()  # the daemon sees the end of the one before this one's first packet
        closed.send("/ping")
        closed.read_until("/pong")


def test_what_is_damaged_ends_its_connection_alone(connect) -> None:
    calm, broken = connect(), connect(with_length)
    broken.send_bytes(b"\0\0\0\x08/ping\xff\0\0")
    assert broken.is_closed()
    calm.send("/ping")
    assert calm.read().address == "/pong"
