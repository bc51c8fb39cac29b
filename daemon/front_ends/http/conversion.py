"""Stems in another format than they were made in: made once, kept for a while."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import suppress
from pathlib import Path

from audio.encodings import WAV
from daemon.front_ends.http.door import Door
from osc_protocol.errors import Code, ProtocolError

MAX_KEPT_BYTES = 4 << 30
BLOCK_FRAMES = 1 << 18


async def converted(door: Door, source: Path, sha256: str, kind: str) -> Path:
    """Return the file of that hash in another format; raises ProtocolError."""
    folder = door.config.home / "converted"
    target = folder / f"{sha256}.{kind}"
    if target.is_file():
        with suppress(OSError):
            os.utime(target)
        return target
    async with door.converting:
        if not target.is_file():
            await asyncio.to_thread(_convert, source, target, kind)
    return target


def _convert(source: Path, target: Path, kind: str) -> None:
    from audio.encoded_file import check_encoding, encode
    from audio.errors import AudioError

    partial = target.with_name(f".{secrets.token_hex(4)}.{kind}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _make_room(target.parent)
        if partial.suffix == WAV:
            _write_wav(source, partial)
        else:
            check_encoding(partial, source)
            encode(source, partial)
        os.replace(partial, target)
    except AudioError as error:
        sentence = str(error).replace(str(partial), f"it as {kind}")
        raise ProtocolError(Code.UNSUPPORTED, sentence, "format") from None
    except OSError as error:
        raise ProtocolError(Code.DISK_FULL, f"it cannot be converted: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def _write_wav(source: Path, target: Path) -> None:
    """Write a sound as WAV of 32-bit floats; raises AudioError and OSError."""
    from audio.sound_reader import SoundReader
    from audio.wave_file import WaveFile

    with SoundReader(source) as sound:
        while sound.read(BLOCK_FRAMES).shape[1]:
            pass
        frames = sound.frames_read
        sound.rewind()
        with WaveFile(target, sound.sample_rate, sound.channels, frames, 32) as file:
            while (block := sound.read(BLOCK_FRAMES)).shape[1]:
                file.write(block)


def _make_room(folder: Path) -> None:
    """Delete what was asked for longest ago while there is too much."""
    files = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    held = 0
    for each in files:
        held += each.stat().st_size
        if held > MAX_KEPT_BYTES:
            each.unlink(missing_ok=True)
