"""Several sound files of one length, read side by side, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from audio.clip import MAX_READ_SECONDS, Samples
from audio.errors import AudioError
from audio.sound_reader import SoundReader
from audio.stretch import cut

BLOCK_FRAMES = 1 << 17


class SoundFiles:
    """Open files of any kind, all of one rate, channels and length: what can be read of them.

    Their channels lie under each other, file by file; where they have other numbers of channels,
    those of more than two are mixed down. Raises AudioError for files that cannot be read or do
    not fit each other.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        with ExitStack() as opened:
            self._files = [opened.enter_context(SoundReader(path)) for path in paths]
            if len({file.channels for file in self._files}) > 1:
                opened.close()
                stereo = (SoundReader(path, stereo=True) for path in paths)
                self._files = [opened.enter_context(file) for file in stereo]
            first, lengths = self._files[0], [_frames(file) for file in self._files]
            self.paths = tuple(paths)
            self.sample_rate, self.channels, self.frames = (
                first.sample_rate, first.channels, lengths[0]
            )  # fmt: skip
            self._remarks: tuple[str, ...] = ()
            self._check(lengths)
            self._open = opened.pop_all()

    def remarks(self) -> tuple[str, ...]:
        """Say, once all was read, what of the files is not as it should be."""
        return self._remarks

    @property
    def seconds(self) -> float:
        """Return the length of the files in seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Samples]:
        """All of them from the beginning, as (files x channels, n) float32."""
        for file in self._files:
            file.rewind()
        for first in range(0, self.frames, BLOCK_FRAMES):
            yield self._next(min(BLOCK_FRAMES, self.frames - first))
        for file in self._files:  # past the end, so that it knows what is missing
            file.read(1)
        # Kept, for another time they may be read less far.
        self._remarks = tuple(remark for file in self._files for remark in file.remarks())

    def _next(self, count: int) -> Samples:
        rows = []
        for file in self._files:
            block = file.read(count)
            if block.shape[1] < count:
                raise AudioError(f"{file.path} became shorter while it was read")
            rows.append(block)
        return np.concatenate(rows)

    def _check(self, lengths: Sequence[int]) -> None:
        for file, frames in zip(self._files, lengths, strict=True):
            facts = (file.sample_rate, file.channels, frames)
            if facts != (self.sample_rate, self.channels, self.frames):
                raise AudioError(
                    f"{file.path} must have the rate, channels and frames of {self.paths[0]}, "
                    f"{self.sample_rate}, {self.channels} and {self.frames}, not "
                    f"{', '.join(map(str, facts))}"
                )
        if not self.frames:
            raise AudioError(f"{self.paths[0]} holds no sound (0 frames)")
        if self.seconds > MAX_READ_SECONDS:
            raise AudioError(
                f"{self.paths[0]} lasts {self.seconds:.0f} s; the limit is {MAX_READ_SECONDS} s"
            )

    def __enter__(self) -> SoundFiles:
        return self

    def __exit__(self, *what: object) -> None:
        self._open.close()


def _frames(file: SoundReader) -> int:
    """The length of a file, which is read through where its header alone is not to be trusted."""
    if file.known_frames is not None:
        return file.known_frames
    while file.read(BLOCK_FRAMES).shape[1]:
        pass
    return file.frames_read


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
