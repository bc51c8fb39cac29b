"""How a recording is counted, as far as the user says it: where bar 1 is, and how fast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from audio.beats import Beats, find_beats
from audio.clip import Clip
from audio.errors import AudioError, CannotConform
from audio.features import Features
from midi.grid import MAX_BPM, MIN_BPM, Grid

NEAR_SECONDS = 0.080  # a given downbeat moves to a beat that was found so near


@dataclass(frozen=True, slots=True)
class Counting:
    """Where bar 1 begins in the recording, and how many of its beats there are to one asked for.

    `pace` is 1/2 where it is counted at half the tempo asked, 2 at double. Raises AudioError.
    """

    downbeat_seconds: float | None = None
    pace: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        seconds = self.downbeat_seconds
        if seconds is not None and not (np.isfinite(seconds) and seconds >= 0):
            raise AudioError(f"downbeat must be a time from 0 s on, not {seconds:g}")

    def grid(self, grid: Grid) -> Grid:
        """The grid that the recording is counted by, where `grid` was asked for."""
        if self.pace == 1:
            return grid
        if not grid.is_constant:
            raise AudioError("half and double need a tempo and a meter that stay as they are")
        bpm = grid.tempo[0].bpm * self.pace
        if not MIN_BPM <= bpm <= MAX_BPM:
            word = "half" if self.pace < 1 else "double"
            raise AudioError(
                f"{word} of {grid.bpm:g} is {float(bpm):g} bpm; "
                f"{MIN_BPM} to {MAX_BPM} bpm can be counted"
            )
        return Grid.constant(bpm, grid.meter, max(1, round(grid.bars * self.pace)))


AS_ASKED = Counting()


def find_counted_beats(
    clip: Clip, grid: Grid, features: Features | None = None, counting: Counting = AS_ASKED
) -> Beats | None:
    """Find the beats of a clip as the user counts it, in beats of `grid`.

    See audio.beats.find_beats. Raises CannotConform where no beat is found near the given bar 1,
    and AudioError.
    """
    at = counting.downbeat_seconds
    if at is not None and at >= clip.seconds:
        raise AudioError(f"downbeat {at:g} s lies behind the end: it lasts {clip.seconds:.3f} s")
    beats = find_beats(clip, counting.grid(grid), features, downbeat_seconds=at)
    if beats is None:
        return None
    found = float(beats.seconds[0])
    if at is not None and abs(found - at) > NEAR_SECONDS:
        raise CannotConform(
            f"no beat was found within {1000 * NEAR_SECONDS:.0f} ms of downbeat {at:g} s; "
            f"the nearest is at {found:.3f} s"
        )
    return beats if counting.pace == 1 else replace(beats, beats=beats.beats / float(counting.pace))
