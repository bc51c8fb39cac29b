"""Stems in another format than they were made in: made once, kept for a while."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from audio.decibels import amplitude_to_db
from audio.encodings import WAV
from daemon.front_ends.http.door import Door
from osc_protocol.errors import Code, ProtocolError

MAX_KEPT_BYTES = 4 << 30
KEPT_PEAKS = 1_000
BLOCK_FRAMES = 1 << 18


async def converted(
    door: Door, source: Path, sha256: str, kind: str, together: Sequence[Path]
) -> tuple[Path, float]:
    """Return the file of that hash in another format, and the gain that took in dB.

    What clips there comes down with all that are `together` with it, by one gain, so that stems
    still add up to their mix. Raises ProtocolError.
    """
    async with door.converting:
        peak = 1.0 if f".{kind}" == WAV else await asyncio.to_thread(_loudest, tuple(together))
        louder = f"-{peak:.9f}" if peak > 1 else ""
        target = door.config.home / "converted" / f"{sha256}{louder}.{kind}"
        if target.is_file():
            with suppress(OSError):
                os.utime(target)
        else:
            await asyncio.to_thread(_convert, source, target, kind, peak)
    return target, round(amplitude_to_db(1 / peak), 2) if louder else 0.0


@lru_cache(KEPT_PEAKS)
def _loudest(paths: tuple[Path, ...]) -> float:
    """The highest peak of several sounds, whose files stay as they are; raises ProtocolError."""
    from audio.encoded_file import peak_of
    from audio.errors import AudioError

    try:
        return max(map(peak_of, paths), default=0.0)
    except AudioError as error:
        raise ProtocolError(Code.GONE, str(error)) from None


def _convert(source: Path, target: Path, kind: str, peak: float) -> None:
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
            encode(source, partial, peak)
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
