"""The frames of an MP3 file counted, so that all of them are read whatever its header says.

Without a length libsndfile guesses one by the first frame's bit rate and stops there; a file put
behind another it does not see. ISO/IEC 11172-3 and 13818-3; Xing's length tag as LAME writes it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

RATES_HZ = (44_100, 48_000, 32_000)  # of MPEG 1; half of MPEG 2, a quarter of 2.5
KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
HAS_FRAMES, HAS_BYTES = 1, 2  # flags of the tag
DECODER_DELAY = 529  # frames of sound, at any rate
LEAD_KBITS = 8  # place in the table: long enough for the tag at any rate
MOST_JUNK_BYTES = 1 << 16  # between frames, before the rest is taken for something else

Patches = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes `start` to `end` of one MP3, as a Part of audio/file_parts.py names what mends it."""

    start: int
    end: int
    lead: bytes = b""
    patches: Patches = ()
    skip_frames: int = 0


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a frame is, its bytes, and where in it a length tag is, or 0."""

    at: int
    size: int
    tag: int


def mp3_parts(data: mmap) -> Iterator[Stream]:
    """Give the streams in `data`, each with a length of its own; none unless it is layer III."""
    starts: list[tuple[int, _Frame]] = []
    counts: list[int] = []
    last_end = 0
    for frame in _frames(data):
        if frame.tag or not starts:
            starts.append((last_end, frame))
            counts.append(0)
        counts[-1] += not frame.tag
        last_end = frame.at + frame.size
    ends = [*(start for start, _ in starts), len(data)][1:]
    for (start, first), end, count in zip(starts, ends, counts, strict=True):
        start = start if first.tag else first.at
        if first.tag:
            yield Stream(start, end, patches=_true_size(data, start, first, end))
        else:
            head = data[first.at : first.at + 4]
            lead = _tagged(head, count, end - first.at)
            length = 1152 if head[1] & 0x18 == 0x18 else 576
            yield Stream(start, end, lead, skip_frames=length - DECODER_DELAY)


def _frames(data: mmap) -> Iterator[_Frame]:
    """Walk from frame to frame, over tags and junk."""
    at = _past_id3(data, 0)
    family = b""
    while 0 <= at < len(data) - 4:
        head = data[at : at + 4]
        size = _size(head)
        following = data[at + size : at + size + 4] if size else b""
        fits = size and (not family or _family(head) == family)
        if fits and (_size(following) or len(following) < 4 or following[:3] in (b"TAG", b"ID3")):
            family = _family(head)
            yield _Frame(at, min(size, len(data) - at), _tag_place(data, at, head))
            at += size
            continue
        past = _past_id3(data, at)
        if past == at:
            past = data.find(b"\xff", at + 1, at + MOST_JUNK_BYTES)
        if not family:  # it has to begin with a frame
            return
        at = past


def _past_id3(data: mmap, at: int) -> int:
    if data[at : at + 3] != b"ID3" or at + 10 > len(data):
        return at
    size = 0
    for byte in data[at + 6 : at + 10]:
        size = size << 7 | byte & 0x7F
    return at + 10 + size


def _family(head: bytes) -> bytes:
    """What all frames of a stream have in common: version, layer and rate."""
    return bytes([head[1] & 0x1E, head[2] & 0x0C])


def _size(head: bytes) -> int:
    """The bytes of a frame of layer III, 0 for what is none or has no bit rate of its own."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return 0
    is_first, kbits, rate = head[1] & 0x18 == 0x18, head[2] >> 4, head[2] >> 2 & 3
    if rate == 3 or not 0 < kbits < 15:
        return 0
    shift = {0x18: 0, 0x10: 1, 0x00: 2}[head[1] & 0x18]
    bits = (KBITS_1 if is_first else KBITS_2)[kbits] * (144_000 if is_first else 72_000)
    return bits // (RATES_HZ[rate] >> shift) + (head[2] >> 1 & 1)


def _side_bytes(head: bytes) -> int:
    is_first, is_mono = head[1] & 0x18 == 0x18, head[3] & 0xC0 == 0xC0
    return (17 if is_mono else 32) if is_first else (9 if is_mono else 17)


def _tag_place(data: mmap, at: int, head: bytes) -> int:
    for place in (4 + _side_bytes(head), 36):  # Xing's, and VBRI's
        if data[at + place : at + place + 4] in (b"Xing", b"Info", b"VBRI"):
            return place
    return 0


def _true_size(data: mmap, start: int, first: _Frame, end: int) -> Patches:
    """The patch that tells mpg123 how many bytes there are, so that it does not wonder aloud."""
    place = first.at + first.tag
    (flags,) = struct.unpack(">I", data[place + 4 : place + 8].ljust(4, b"\0"))
    if data[place : place + 4] == b"VBRI" or not flags & HAS_BYTES:
        return ()
    place += 8 + 4 * bool(flags & HAS_FRAMES)
    true = struct.pack(">I", end - first.at)
    (said,) = struct.unpack(">I", data[place : place + 4].ljust(4, b"\0"))
    near = abs(said - (end - first.at)) <= 0.01 * (end - first.at)
    return () if near else ((place - start, true),)


def _tagged(head: bytes, frames: int, size: int) -> bytes:
    """A length tag for a stream without one, and a frame of silence, to go before it.

    Where there is a tag mpg123 takes off a decoder's delay; the silence is there for that.
    """
    plain = bytes([0xFF, head[1] | 1, LEAD_KBITS << 4 | head[2] & 0x0C, head[3]])
    length = _size(plain)
    tag = struct.pack(">4sIII", b"Info", HAS_FRAMES | HAS_BYTES, frames + 1, size + 2 * length)
    return (plain + bytes(_side_bytes(plain)) + tag).ljust(length, b"\0") + plain.ljust(
        length, b"\0"
    )
