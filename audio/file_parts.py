"""The parts of a sound file that libsndfile can read: all of it, or what is mended or glued to it.

Lengths of 0 or of all ones, as recorders and pipes leave them, files put one behind another and
MP3 without a length would otherwise be read in part, or not at all, without a word.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import BinaryIO

from audio.mp3_frames import mp3_parts
from audio.ogg_pages import chains

UNKNOWN = 2**32 - 1  # a length of all ones: not known when the header was written
FLAC_BEGINS = b"fLaC\0\0\0\x22"  # and the length of STREAMINFO, which comes first
PLAIN_TAGS = (1, 3, 6, 7, 0xFFFE)  # PCM, float, A-law, mu-law, extensible: frames of one size


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `end` that are a sound file by themselves, once they are mended.

    `lead` goes before them; `patches` stand in place of what is at an offset of them; the first
    `skip_frames` are not of it. Its header says `stated_frames`; None where libsndfile knows best.
    `is_whole` is False where it shows that it stops before its end, nobody knows how long before.
    """

    start: int
    end: int
    lead: bytes = b""
    patches: tuple[tuple[int, bytes], ...] = ()
    stated_frames: int | None = None
    skip_frames: int = 0
    is_whole: bool = True

    def is_all_of(self, size: int) -> bool:
        """True of a file of so many bytes that needs no mending."""
        return (self.start, self.end, self.lead, self.patches) == (0, size, b"", ())


def parts_of(file: BinaryIO) -> tuple[Part, ...]:
    """Find the parts of an open file, one at least, in their order."""
    with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        kind = data[:4]
        if kind in (b"RIFF", b"FORM"):
            found = list(_chunked(data, "<" if kind == b"RIFF" else ">"))
        elif kind == b"OggS":
            found = [
                Part(each.start, each.end, stated_frames=each.frames, is_whole=each.is_whole)
                for each in chains(data)
            ]
        elif kind == b"fLaC":
            found = list(_flac(data))
        elif kind == b".snd" and data[8:12] == bytes(4):
            found = [Part(0, len(data), patches=((8, b"\xff" * 4),))]
        elif kind == b"caff":
            found = list(_caf(data))
        else:
            found = [
                Part(each.start, each.end, each.lead, each.patches, skip_frames=each.skip_frames)
                for each in mp3_parts(data)
            ]
        return tuple(found) or (Part(0, len(data)),)


class PartFile(io.RawIOBase):
    """A part as a file of its own, for libsndfile to read."""

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self._file, self._part, self._at = file, part, 0
        self._size = len(part.lead) + part.end - part.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._size - self._at))
        data = bytearray(self._part.lead[self._at : self._at + wanted])
        if len(data) < wanted:
            own = self._at + len(data) - len(self._part.lead)
            self._file.seek(self._part.start + own)
            data += self._file.read(wanted - len(data))
        for offset, new in self._part.patches:
            place = offset + len(self._part.lead) - self._at
            for index, byte in enumerate(new, place):
                if 0 <= index < len(data):
                    data[index] = byte
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _chunked(data: mmap, order: str) -> Iterator[Part]:
    """The RIFF or AIFF files in `data`, one behind another."""
    start, kind = 0, data[:4]
    while data[start : start + 4] == kind:
        (size,) = struct.unpack(f"{order}I", data[start + 4 : start + 8].ljust(4, b"\0"))
        end = start + 8 + size + size % 2
        if not (end < len(data) and data[end : end + 4] == kind):  # what else follows is the last's
            end = len(data)
        yield _mended(data, start, end, order)
        start = end


def _mended(data: mmap, start: int, end: int, order: str) -> Part:
    """Give one file its true length where it has none, and what its header says."""
    at, frame_bytes, stated = start + 12, 0, None
    patches: list[tuple[int, bytes]] = []
    while at + 8 <= end:
        name = data[at : at + 4]
        (size,) = struct.unpack(f"{order}I", data[at + 4 : at + 8])
        body = data[at + 8 : at + 8 + 16]
        if name == b"fmt " and len(body) == 16:
            tag, frame_bytes = struct.unpack("<H10xH2x", body)
            frame_bytes = frame_bytes if tag in PLAIN_TAGS else 0
        if name == b"COMM" and len(body) >= 6:
            (stated,) = struct.unpack(">I", body[2:6])
        if name == b"data":
            left = end - at - 8
            if size == 0 and left and not _is_chunk(data, at + 8, end):
                patches.append((at + 4 - start, struct.pack("<I", left)))
                patches.append((4, struct.pack("<I", end - start - 8)))
            elif size != UNKNOWN and frame_bytes:
                stated = size // frame_bytes
            break
        at += 8 + size + size % 2
    return Part(start, end, b"", tuple(patches), None if stated in (0, UNKNOWN) else stated)


def _is_chunk(data: mmap, at: int, end: int) -> bool:
    name = data[at : at + 4]
    (size,) = struct.unpack("<I", data[at + 4 : at + 8].ljust(4, b"\xff"))
    return all(32 <= byte < 127 for byte in name) and at + 8 + size <= end


def _flac(data: mmap) -> Iterator[Part]:
    """Split where another file's first block begins."""
    start = 0
    while (following := data.find(FLAC_BEGINS, start + 4)) > 0:
        yield Part(start, following)
        start = following
    yield Part(start, len(data))


def _caf(data: mmap) -> Iterator[Part]:
    at = 8
    while at + 12 <= len(data):
        (size,) = struct.unpack(">q", data[at + 4 : at + 12])
        if data[at : at + 4] == b"data":
            left = struct.pack(">q", len(data) - at - 12)
            yield Part(0, len(data), patches=() if size > 0 else ((at + 4, left),))
            return
        if size < 0:
            return
        at += 12 + size
