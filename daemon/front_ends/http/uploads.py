"""Files that clients send: named by their SHA-256, resumed where they broke off, checked whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from audio.errors import AudioError
from midi.errors import MidiError
from osc_protocol.errors import Code, ProtocolError

MAX_UPLOAD_BYTES = 2 << 30
MAX_ALL_BYTES = 16 << 30
KEPT_SECONDS = 7 * 86_400.0  # an upload that no request has named for so long may be deleted
PARTIAL_KEPT_SECONDS = 86_400.0
BLOCK_BYTES = 1 << 20
MIN_BYTES = 14  # of a MIDI file's head, the shortest there is
SHA256 = re.compile(r"[0-9a-f]{64}")
# What a file begins with, and what it is called then.
KINDS: tuple[tuple[bytes, int, str], ...] = (
    (b"MThd", 0, ".mid"), (b"WAVE", 8, ".wav"), (b"fLaC", 0, ".flac"), (b"OggS", 0, ".ogg"),
    (b"ID3", 0, ".mp3"), (b"\xff\xfb", 0, ".mp3"), (b"\xff\xf3", 0, ".mp3"),
    (b"\xff\xf2", 0, ".mp3"), (b"AIFF", 8, ".aiff"), (b"AIFC", 8, ".aiff"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of how many a request brings."""

    start: int
    total: int | None


class Uploads:
    """The folder of uploads of one home; methods are for the loop's thread."""

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        self.folder, self._reserve_bytes = folder, reserve_bytes
        self._writing: set[str] = set()

    def find(self, sha256: str) -> Path | None:
        """Return the file with that hash, which is then kept for another while, or None."""
        if not SHA256.fullmatch(sha256):
            return None
        for path in self.folder.glob(f"{sha256}.*"):
            with suppress(OSError):
                os.utime(path)
            return path
        return None

    def has(self, sha256: str) -> int:
        """Return how many bytes of an upload are there that is not whole yet."""
        with suppress(OSError):
            return self._partial(sha256).stat().st_size
        return 0

    async def take(self, sha256: str, part: Part, chunks: AsyncIterator[bytes]) -> Path | None:
        """Write what comes; returns the file when it is whole, None while more is to come.

        Raises ProtocolError; what had come before then stays and can be resumed, unless it can
        never become a file that is taken.
        """
        with self._alone(sha256):
            await asyncio.to_thread(self._make_room, part)
            there = self.has(sha256)
            if part.start not in (0, there):
                sentence = f"Content-Range must begin at 0 or {there}, not {part.start}"
                raise ProtocolError(Code.RID_CONFLICT, sentence, "Content-Range")
            size = await self._write(sha256, part, chunks)
            if part.total is not None and size < part.total:
                return None
            return await asyncio.to_thread(self._finish, sha256)

    async def _write(self, sha256: str, part: Part, chunks: AsyncIterator[bytes]) -> int:
        most = MAX_UPLOAD_BYTES if part.total is None else part.total
        size, block = part.start, bytearray()
        file = await asyncio.to_thread(_open_at, self._partial(sha256), part.start)
        try:
            async for chunk in chunks:
                block += chunk
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                if len(block) >= BLOCK_BYTES:
                    await asyncio.to_thread(os.write, file, bytes(block))
                    block.clear()
        except OSError as error:
            raise _disk(error) from None
        finally:
            try:
                if block and size <= most:
                    await asyncio.to_thread(os.write, file, bytes(block))
            finally:
                os.close(file)
        return size

    def _finish(self, sha256: str) -> Path:
        partial = self._partial(sha256)
        with partial.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != sha256:
            partial.unlink()
            sentence = f"the bytes have the SHA-256 {found}, not that of the address"
            raise ProtocolError(Code.OUT_OF_RANGE, sentence, "sha256")
        ending = _kind_of(partial)
        try:
            _check_readable(partial, ending)
        except ProtocolError:
            partial.unlink()
            raise
        path = self.folder / f"{sha256}{ending}"
        os.replace(partial, path)
        return path

    def _make_room(self, part: Part) -> None:
        wanted = part.total or 0
        if wanted > MAX_UPLOAD_BYTES:
            raise _too_large(MAX_UPLOAD_BYTES)
        try:
            (self.folder / "partial").mkdir(parents=True, exist_ok=True)
            self._forget_old()
            held = sum(each.stat().st_size for each in self.folder.rglob("*") if each.is_file())
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise _disk(error) from None
        if held + wanted > MAX_ALL_BYTES:
            sentence = f"the uploads have {held} bytes of at most {MAX_ALL_BYTES}"
            raise ProtocolError(Code.TOO_LARGE, f"{sentence}; old ones go after 7 days", "body")
        if free - wanted < self._reserve_bytes:
            raise ProtocolError(Code.DISK_FULL, "the disk has no room for it", "body")

    def _forget_old(self) -> None:
        now = time.time()
        for folder, kept in (
            (self.folder, KEPT_SECONDS), (self.folder / "partial", PARTIAL_KEPT_SECONDS),
        ):  # fmt: skip
            for each in folder.iterdir():
                with suppress(OSError):
                    if each.is_file() and now - each.stat().st_mtime > kept:
                        each.unlink()

    def _partial(self, sha256: str) -> Path:
        return self.folder / "partial" / sha256

    @contextmanager
    def _alone(self, sha256: str) -> Iterator[None]:
        if sha256 in self._writing:
            sentence = "another request brings this upload just now"
            raise ProtocolError(Code.RID_CONFLICT, sentence, "sha256")
        self._writing.add(sha256)
        try:
            yield
        finally:
            self._writing.discard(sha256)


def _open_at(path: Path, start: int) -> int:
    how = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    file = os.open(path, how, 0o600)
    os.ftruncate(file, start)
    os.lseek(file, start, os.SEEK_SET)
    return file


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    for begins, at, ending in KINDS:
        if head[at : at + len(begins)] == begins and len(head) >= MIN_BYTES:
            return ending
    path.unlink()
    kinds = ", ".join(sorted({ending[1:] for *_, ending in KINDS}))
    sentence = f"the body must be a MIDI or sound file ({kinds}), and does not begin like one"
    raise ProtocolError(Code.UNSUPPORTED, sentence, "body")


def _check_readable(path: Path, ending: str) -> None:
    """Refuse now what no job could read."""
    try:
        if ending == ".mid":
            from midi.smf import read_smf

            read_smf(path)
        else:
            from audio.sound_reader import SoundReader

            with SoundReader(path) as sound:
                if not sound.read(1).shape[1]:
                    raise ProtocolError(Code.UNSUPPORTED, "the body has no sound in it", "body")
    except MidiError as error:
        raise ProtocolError(Code.BAD_MIDI, f"the body: {error}", "body") from None
    except AudioError as error:
        sentence = str(error).replace(str(path), "the body")
        raise ProtocolError(Code.UNSUPPORTED, sentence, "body") from None


def _too_large(most: int) -> ProtocolError:
    return ProtocolError(Code.TOO_LARGE, f"the body must have at most {most} bytes", "body")


def _disk(error: OSError) -> ProtocolError:
    return ProtocolError(Code.DISK_FULL, f"the upload cannot be written: {error.strerror}", "body")
