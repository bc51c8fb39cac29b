"""MIDI files made byte by byte, so that no writer's habits stand between test and reader."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def varlen(value: int) -> bytes:
    """A number in the file format's 7-bit groups, highest first."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.insert(0, value & 0x7F | 0x80)
    return bytes(groups)


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


@pytest.fixture(scope="session")
def track() -> Callable[..., bytes]:
    """(delta ticks, event bytes) pairs -> a track chunk with its end-of-track."""

    def build(*events: tuple[int, str | bytes]) -> bytes:
        body = b"".join(
            varlen(delta) + (bytes.fromhex(event) if isinstance(event, str) else event)
            for delta, event in [*events, (0, "ff 2f 00")]
        )
        return chunk(b"MTrk", body)

    return build


@pytest.fixture(scope="session")
def smf() -> Callable[..., bytes]:
    """Track chunks -> a whole file; type 0 for one track, else 1."""

    def build(*tracks: bytes, ticks: int = 480, kind: int | None = None) -> bytes:
        numbers = (len(tracks) > 1 if kind is None else kind, len(tracks), ticks)
        return chunk(b"MThd", b"".join(n.to_bytes(2, "big") for n in numbers)) + b"".join(tracks)

    return build
