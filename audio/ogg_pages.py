"""The pages of an Ogg file: where one file ends and the next begins, and how long each should be.

Pages, their flags and granule positions are those of RFC 3533; a Vorbis stream counts its frames in
the granule position (Vorbis I specification, A.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

PAGE = b"OggS"
BEGINS, ENDS = 2, 4  # flags of a page
HEAD_BYTES = 27
VORBIS = b"\x01vorbis"
NEAR_SECONDS = 2.0  # a stream whose first page ends later was cut out of a longer one
NO_POSITION = -1


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the byte where it begins, its flags, granule position, and the byte of its body."""

    start: int
    flags: int
    position: int
    body: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Bytes `start` to `end` are one file; `frames` by its last page, None where it says nothing.

    `is_whole` is False where its last page does not end the stream.
    """

    start: int
    end: int
    frames: int | None
    is_whole: bool


def chains(data: mmap | bytearray) -> Iterator[Chain]:
    """The files in `data`, one behind another: where streams begin after others had begun."""
    pages: list[Page] = []
    for page in _pages(data):
        if page.flags & BEGINS and pages and not pages[-1].flags & BEGINS:
            yield _chain(data, pages, page.start)
            pages = []
        pages.append(page)
    yield _chain(data, pages, len(data))


def _pages(data: mmap | bytearray) -> Iterator[Page]:
    """Each page; where one is hurt or cut the next that is there follows."""
    at = 0
    while at >= 0 and at + HEAD_BYTES <= len(data):
        table = data[at + HEAD_BYTES : at + HEAD_BYTES + data[at + 26]]
        body = at + HEAD_BYTES + len(table)
        position = int.from_bytes(data[at + 6 : at + 14], "little", signed=True)
        yield Page(at, data[at + 5], position, body)
        at = body + sum(table)
        if data[at : at + 4] != PAGE:
            at = data.find(PAGE, at)


def _chain(data: mmap | bytearray, pages: list[Page], end: int) -> Chain:
    start = pages[0].start if pages else 0
    streams = [page for page in pages if page.flags & BEGINS]
    is_whole = bool(pages and pages[-1].flags & ENDS)
    heads = [data[page.body : page.body + 16] for page in streams]
    if len(streams) != 1 or not heads[0].startswith(VORBIS):
        return Chain(start, end, None, is_whole)
    rate = int.from_bytes(heads[0][12:16], "little")
    positions = [page.position for page in pages if page.position > 0]
    if not positions or positions[0] > NEAR_SECONDS * rate:
        return Chain(start, end, None, is_whole)
    return Chain(start, end, max(positions), is_whole)
