"""A sound file to split: read through once, then front to back in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.errors import AudioError
from audio.mix_down import powers, signs_of
from audio.sound_reader import Samples, SoundReader
from stems.errors import StemError
from stems.splitting.splitter import Level

BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True, slots=True)
class Recording:
    """A file in mono or stereo, or a part of it: `frames` that were all read once, and are finite.

    `signs` are +1 or -1 for each channel. `missing_seconds` and `remarks` are those of its file.
    """

    path: Path
    sample_rate: int
    channels: int
    frames: int
    peak: float
    level: Level
    first_frame: int = 0  # of the file, where the part begins
    signs: Samples | None = None  # by which channels are turned that would cancel in mono
    missing_seconds: float = 0.0
    remarks: tuple[str, ...] = ()


def look_through(path: Path, from_seconds: float = 0.0, length_seconds: float = 0.0) -> Recording:
    """Read all of a file, or a part; raises StemError in one sentence where it cannot be split.

    A part holds all that lies between its times; without a length it reaches to the end.

    Any format of libsndfile (wav, flac, mp3, ogg, aiff ...), at 8 to 192 kHz, more than two
    channels mixed down. What counts is what can be read, not what the header promises.
    """
    frames, peak, total, squares = 0, 0.0, 0.0, 0.0
    with sound_errors(), SoundReader(path, stereo=True) as file:
        rate, channels = file.sample_rate, file.channels
        power, sums = np.zeros((channels, channels)), np.zeros(channels)
        first = math.floor(from_seconds * rate)
        end = math.ceil((from_seconds + length_seconds) * rate) if length_seconds else None
        _skip(file, first)
        for block in _blocks(file, None if end is None else end - first):
            mono = block.mean(0, dtype=np.float64)
            frames += block.shape[1]
            peak = max(peak, float(np.abs(block).max()))
            total += float(mono.sum())
            squares += float(np.square(mono).sum())
            power += powers(block)
            sums += block.sum(1, dtype=np.float64)
        is_whole = end is None
        missing, remarks = (file.missing_seconds, file.remarks()) if is_whole else (0.0, ())
    if not frames:
        where = f" from {from_seconds:g} s on" if first else ""
        raise StemError(f"{path} holds no sound{where} (0 frames)")
    signs = signs_of(power)
    if signs is not None:
        total = float(signs @ sums) / channels
        squares = float(signs @ power @ signs) / channels**2
    mean = total / frames
    level = Level(mean, max(0.0, squares / frames - mean**2) ** 0.5)
    return Recording(path, rate, channels, frames, peak, level, first, signs, missing, remarks)


@contextmanager
def sound_errors() -> Iterator[None]:
    """Turn what is wrong with a sound file into a StemError."""
    try:
        yield
    except AudioError as error:
        raise StemError(str(error)) from None


class Reader:
    """Reads a recording front to back, in pieces that may overlap but never go back behind.

    Its channels come turned by the recording's signs.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        with sound_errors():
            self._file = SoundReader(recording.path, stereo=True)
            _skip(self._file, recording.first_frame)
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
            with sound_errors():
                block = self._file.read(missing)
            if self._recording.signs is not None:
                block = block * self._recording.signs[:, None]
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


def _blocks(file: SoundReader, most: int | None = None) -> Iterator[Samples]:
    """Give up to `most` frames."""
    left = BLOCK_FRAMES if most is None else most
    while (block := file.read(min(left, BLOCK_FRAMES))).shape[1]:
        yield block
        left -= 0 if most is None else block.shape[1]


def _skip(file: SoundReader, frames: int) -> None:
    """Read on without keeping anything: seeking in an MP3 is not exact to the frame."""
    for _ in _blocks(file, frames):
        pass
