"""Several sound files of one length, read side by side, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from audio.clip import MAX_CHANNELS, MAX_READ_SECONDS, Samples
from audio.errors import AudioError, file_errors, open_sound
from audio.stretch import cut

BLOCK_FRAMES = 1 << 17


class SoundFiles:
    """Open files of any kind that libsndfile knows, all of one rate, channels and length.

    Their channels lie under each other, file by file. Raises AudioError for files that cannot be
    read or do not fit each other.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        with ExitStack() as opened:
            self._files = []
            for path in paths:
                self._files.append(opened.enter_context(open_sound(path)))
            first = self._files[0]
            self.paths = tuple(paths)
            self.sample_rate: int = first.samplerate
            self.channels: int = first.channels
            self.frames: int = first.frames
            self._check()
            self._open = opened.pop_all()

    @property
    def seconds(self) -> float:
        """Return the length of the files in seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Samples]:
        """All of them from the beginning, as (files x channels, n) float32."""
        for file in self._files:
            file.seek(0)
        for first in range(0, self.frames, BLOCK_FRAMES):
            yield self._next(min(BLOCK_FRAMES, self.frames - first))

    def _next(self, count: int) -> Samples:
        rows = []
        for path, file in zip(self.paths, self._files, strict=True):
            with file_errors("read", path):
                block = file.read(count, dtype="float32", always_2d=True)
            if len(block) < count:
                raise AudioError(f"{path} ends before its header says")
            if not np.isfinite(block).all():
                raise AudioError(f"{path} holds NaN or infinity")
            rows.append(block.T)
        return np.concatenate(rows)

    def _check(self) -> None:
        for path, file in zip(self.paths, self._files, strict=True):
            if file.channels > MAX_CHANNELS:
                raise AudioError(
                    f"{path} has {file.channels} channels, the limit is {MAX_CHANNELS}"
                )
            facts = (file.samplerate, file.channels, file.frames)
            if facts != (self.sample_rate, self.channels, self.frames):
                raise AudioError(
                    f"{path} must have the rate, channels and frames of {self.paths[0]}, "
                    f"{self.sample_rate}, {self.channels} and {self.frames}, not "
                    f"{', '.join(map(str, facts))}"
                )
        if not self.frames:
            raise AudioError(f"{self.paths[0]} holds no sound")
        if self.seconds > MAX_READ_SECONDS:
            raise AudioError(
                f"{self.paths[0]} lasts {self.seconds:.0f} s; the limit is {MAX_READ_SECONDS} s"
            )

    def __enter__(self) -> SoundFiles:
        return self

    def __exit__(self, *what: object) -> None:
        self._open.close()


class Window:
    """Parts of a stream of blocks, asked for from front to back; they may overlap."""

    def __init__(self, blocks: Iterator[Samples], rows: int) -> None:
        self._blocks = blocks
        self._held = np.empty((rows, 0), np.float32)
        self._begin = 0  # of what is held

    def read(self, first: int, stop: int) -> Samples:
        """Frames first to stop, silent where there are none; `first` never goes back."""
        while self._begin + self._held.shape[1] < stop:
            block = next(self._blocks, None)
            if block is None:
                break
            past = min(max(0, first - self._begin), self._held.shape[1])
            self._held = np.concatenate([self._held[:, past:], block], axis=1)
            self._begin += past
        return cut(self._held, first - self._begin, stop - self._begin)
