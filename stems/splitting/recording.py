"""A sound file to split: read through once, then front to back in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audio.clip import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Samples
from audio.errors import AudioError, open_sound
from stems.errors import StemError
from stems.splitting.splitter import Level

BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True, slots=True)
class Recording:
    """A mono or stereo file, or a part of it: `frames` that were all read once, and are finite."""

    path: Path
    sample_rate: int
    channels: int
    frames: int
    peak: float
    level: Level
    first_frame: int = 0  # of the file, where the part begins


def look_through(path: Path, from_seconds: float = 0.0, length_seconds: float = 0.0) -> Recording:
    """Read all of a file, or a part; raises StemError in one sentence where it cannot be split.

    A part holds all that lies between its times; without a length it reaches to the end.

    Any format of libsndfile (wav, flac, mp3, ogg, aiff ...), at 8 to 192 kHz. What counts is what
    can be read, not what the header promises.
    """
    frames, peak, total, squares = 0, 0.0, 0.0, 0.0
    with _open(path) as file:
        rate, channels = int(file.samplerate), int(file.channels)
        if channels > 2:
            raise StemError(
                f"{path} has {channels} channels; mono and stereo can be split, so mix it down"
            )
        if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
            raise StemError(
                f"{path} has {rate} Hz; sounds of {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz can "
                "be split"
            )
        first = math.floor(from_seconds * rate)
        end = math.ceil((from_seconds + length_seconds) * rate) if length_seconds else None
        _skip(path, file, first)
        for block in _blocks(path, file, None if end is None else end - first):
            if not np.isfinite(block).all():
                at = frames + int(np.argmin(np.isfinite(block).all(0)))
                raise StemError(f"{path} holds NaN or infinity at {at / rate:.3f} s")
            mono = block.mean(0, dtype=np.float64)
            frames += block.shape[1]
            peak = max(peak, float(np.abs(block).max()))
            total += float(mono.sum())
            squares += float(np.square(mono).sum())
    if not frames:
        where = f" from {from_seconds:g} s on" if first else ""
        raise StemError(f"{path} holds no sound{where} (0 frames)")
    mean = total / frames
    level = Level(mean, max(0.0, squares / frames - mean**2) ** 0.5)
    return Recording(path, rate, channels, frames, peak, level, first)


class Reader:
    """Reads a recording front to back, in pieces that may overlap but never go back behind."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._file = _open(recording.path)
        _skip(recording.path, self._file, recording.first_frame)
        self._held = np.zeros((2, 0), np.float32)
        self._start = 0  # the frame that `_held` begins at

    def read(self, first: int, count: int) -> Samples:
        """Return (2, count) from frame `first` on, with zeros beyond the ends; mono on both sides.

        Frames before this `first` cannot be asked for any more.
        """
        cut = np.zeros((2, count), np.float32)
        low, high = max(first, 0), min(first + count, self._recording.frames)
        if low >= high:
            return cut
        missing = high - self._start - self._held.shape[1]
        if missing > 0:
            block = _read(self._recording.path, self._file, missing)
            if block.shape[1] != missing:
                raise StemError(f"{self._recording.path} became shorter while it was read")
            self._held = np.concatenate([self._held, np.broadcast_to(block, (2, missing))], 1)
        self._held = self._held[:, low - self._start :]
        self._start = low
        cut[:, low - first : high - first] = self._held[:, : high - low]
        return cut

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *what: object) -> None:
        self._file.close()


def _blocks(path: Path, file: Any, most: int | None = None) -> Iterator[Samples]:
    """Give up to `most` frames."""
    left = BLOCK_FRAMES if most is None else most
    while (block := _read(path, file, min(left, BLOCK_FRAMES))).shape[1]:
        yield block
        left -= 0 if most is None else block.shape[1]


def _skip(path: Path, file: Any, frames: int) -> None:
    """Read on without keeping anything: seeking in an MP3 is not exact to the frame."""
    for _ in _blocks(path, file, frames):
        pass


def _open(path: Path) -> Any:
    try:
        return open_sound(path)
    except AudioError as error:
        reason = str(error).removeprefix(f"cannot read {path}: ")
        raise StemError(f"{path} cannot be read as sound: {reason}") from None


def _read(path: Path, file: Any, frames: int) -> Samples:
    import soundfile

    try:
        block = file.read(frames, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise StemError(f"{path} cannot be read as sound: {_reason(error)}") from None
    return np.ascontiguousarray(block.T)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(getattr(error, "error_string", error)).rstrip(".")
