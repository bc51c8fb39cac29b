"""How a recording is brought onto a grid once its beats are known: cut where, stretched how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audio.beats import Beats
from audio.clip import Samples
from audio.hearing import Floats
from audio.report import Conforming
from audio.stretch import Read, Stretch, stretched
from audio.warp import Warp

COPIED_FRAMES = 1 << 18  # at a time


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How a recording is brought onto a grid: which frames, cut where, stretched how.

    `frames` of bars, `tail_frames` behind and `lead_frames` in front of them are made. `cuts` are
    those of audio.stretch; None, as `warp`, where the sound already lies on the grid and is only
    cut to length. `missing_seconds` of silence stand at the end if the recording ended early.
    """

    beats: Beats
    warp: Warp | None
    cuts: tuple[Floats, Floats] | None
    sample_rate: int
    frames: int
    tail_frames: int
    lead_frames: int
    fade_in_frames: int
    fade_out_frames: int
    missing_seconds: float
    facts: Conforming

    @property
    def whole_frames(self) -> int:
        return self.lead_frames + self.frames + self.tail_frames

    def blocks(self, read: Read, by: Stretch | None = None) -> Iterator[Samples]:
        """The sound in blocks (channels, n), from `lead_frames` before the first bar on.

        `read` is asked for the source's frames from front to back; `by` stretches pieces.
        """
        if self.cuts:
            blocks = stretched(read, self.sample_rate, *self.cuts, by)
        else:
            blocks = _copied(read, -self.lead_frames, self.frames + self.tail_frames)
        at = 0
        for block in blocks:
            self._fade(block, at)
            at += block.shape[1]
            yield block

    def _fade(self, block: Samples, at: int) -> None:
        """Take the edge off a cut, in place: the same for all channels, so that sums stay sums."""
        if at < self.fade_in_frames:
            rise = np.linspace(0, 1, self.fade_in_frames, dtype=np.float32)[at:]
            rise = rise[: block.shape[1]]
            block[:, : len(rise)] *= rise
        begins = self.whole_frames - self.fade_out_frames
        first = max(begins, at)
        if self.fade_out_frames and at + block.shape[1] > first:
            fall = np.linspace(1, 0, self.fade_out_frames, dtype=np.float32)[first - begins :]
            into = block[:, first - at :]
            into *= fall[: into.shape[1]]


def _copied(read: Read, first: int, stop: int) -> Iterator[Samples]:
    for begin in range(first, stop, COPIED_FRAMES):
        yield read(begin, min(begin + COPIED_FRAMES, stop))
