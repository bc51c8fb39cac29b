"""Where packets begin and end in a stream: SLIP (OSC 1.1) or a length before each (OSC 1.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osc_protocol.errors import DecodeError

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
SLIP_BEGINS = (END, ord("/"), ord("#"))  # of a packet, or of what another client puts before it
LENGTH_BEGINS = 0  # no packet has 16 MiB
HEAD = struct.Struct(">I")


class Framing:
    """One connection's framing, found from its first byte and used both ways."""

    def __init__(self, max_packet_bytes: int) -> None:
        self._most = max_packet_bytes
        self._buffer = bytearray()
        self._is_slip: bool | None = None

    @property
    def is_known(self) -> bool:
        """Whether the first byte has come."""
        return self._is_slip is not None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give each packet that is complete; raises DecodeError where the stream is none of OSC."""
        if self._is_slip is None and data:
            if data[0] not in (*SLIP_BEGINS, LENGTH_BEGINS):
                raise DecodeError("the stream does not begin as OSC does")
            self._is_slip = data[0] in SLIP_BEGINS
        self._buffer += data
        yield from self._slip() if self._is_slip else self._lengths()
        if len(self._buffer) > 2 * self._most + HEAD.size:  # each byte may be escaped
            raise DecodeError(f"a packet must have at most {self._most} bytes")

    def frame(self, packet: bytes) -> bytes:
        """Return a packet as it goes into this stream."""
        if self._is_slip is False:
            return HEAD.pack(len(packet)) + packet
        body = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        return b"\xc0" + body + b"\xc0"

    def _slip(self) -> Iterator[bytes]:
        *whole, rest = self._buffer.split(b"\xc0")
        self._buffer = bytearray(rest)
        for escaped in whole:
            if escaped:  # between two ENDs there is nothing
                yield self._checked(_unescaped(bytes(escaped)))

    def _lengths(self) -> Iterator[bytes]:
        while len(self._buffer) >= HEAD.size:
            (length,) = HEAD.unpack_from(self._buffer)
            if length > self._most:
                raise DecodeError(f"a packet must have at most {self._most} bytes, not {length}")
            if len(self._buffer) < HEAD.size + length:
                return
            packet = bytes(self._buffer[HEAD.size : HEAD.size + length])
            del self._buffer[: HEAD.size + length]
            yield packet

    def _checked(self, packet: bytes) -> bytes:
        if len(packet) > self._most:
            raise DecodeError(f"a packet must have at most {self._most} bytes")
        return packet


def _unescaped(escaped: bytes) -> bytes:
    first, *rest = escaped.split(b"\xdb")
    parts = [first]
    for part in rest:
        if part[:1] not in (b"\xdc", b"\xdd"):
            raise DecodeError("SLIP: an ESC must be followed by ESC_END or ESC_ESC")
        parts.append((b"\xc0" if part[0] == ESC_END else b"\xdb") + part[1:])
    return b"".join(parts)
