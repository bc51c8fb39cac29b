"""A recording that is a loop from its first frame to its last: its length says where beats are.

One bar is too short for anything to recur in. But where a recording lasts a whole number of bars at
the tempo asked, begins with a sound, and its notes start on the sixteenths of just so many beats
and between them hardly at all, it was cut to be repeated, and every beat of it is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from audio.features import Floats, OnsetEnvelope
from midi.grid import Grid

MAX_LENGTH_OFF = 0.02  # of the length at the tempo asked
MAX_BEATS_OFF = 0.35
MAX_BARS = 16
SURE_BARS = 2  # more may be an excerpt that is so long by chance, and begins on any sixteenth
NEAR_SECONDS = 0.022  # notes of a player lie within that of a sixteenth
APART_SECONDS = 0.030  # and further off than this they are others
# How many times as much starts there as apart from there. Loops of Sonic Pi reach 2.8 to 540, but
# four of soft or free sounds, which stay under 2; at other numbers of beats most stay under 4.
LEAST_CONTRAST = 2.5
WEIGHTS = (1.0, 0.35, 0.6, 0.35)  # of the sixteenths of a beat
BLUR_HOPS = 1.2
OTHERS = (3 / 4, 5 / 4, 4 / 3, 3 / 2)  # times as many beats, that have to fit worse
SHIFT_STEP = 0.005  # of a beat


@dataclass(frozen=True, slots=True, eq=False)
class WholeLoop:
    """`beats` that fill the recording, and how much more starts on them than apart from them."""

    seconds: float
    beats: int
    contrast: float
    rival_contrast: float
    level: float

    def pulses(self, count: int) -> Floats:
        """The seconds of `count` pulses and of the end."""
        return np.linspace(0.0, self.seconds, count + 1)


def find_whole_loop(notes: OnsetEnvelope, seconds: float, grid: Grid) -> WholeLoop | None:
    """Say whether a recording of that length is a loop of whole bars of the grid."""
    bar_beats = grid.bar_starts[1]
    if len(grid.tempo) > 1 or len(grid.meters) > 1 or bar_beats.denominator > 1:
        return None
    real = seconds * float(grid.bpm) / 60
    bars = round(real / float(bar_beats))
    beats = bars * int(bar_beats)
    off = abs(real - beats)
    if not 1 <= bars <= MAX_BARS or off > min(MAX_LENGTH_OFF * beats, MAX_BEATS_OFF):
        return None
    envelope = gaussian_filter1d(notes.values, BLUR_HOPS)
    contrast, level = _contrast(envelope, notes.seconds, seconds, beats)
    others = {round(beats * times) for times in OTHERS} | {beats - 1, beats + 1}
    rival = max(
        _contrast(envelope, notes.seconds, seconds, other)[0] for other in others if other > 1
    )
    if contrast < max(LEAST_CONTRAST, rival):
        return None
    on_beats = _by_sixteenth(envelope, notes.seconds, seconds, beats)
    if bars > SURE_BARS and on_beats[0] < max(on_beats[1], on_beats[3]):
        return None
    return WholeLoop(seconds, beats, contrast, rival, level)


def _contrast(envelope: Floats, times: Floats, seconds: float, beats: int) -> tuple[float, float]:
    """How much starts near the sixteenths over what starts elsewhere, and how much that is."""
    beat = seconds / beats
    shifts = beat * np.arange(-0.125, 0.125 + SHIFT_STEP / 2, SHIFT_STEP)
    places = np.arange(4 * beats)
    weights = np.tile(WEIGHTS, beats)
    due = places * beat / 4 + shifts[:, None]
    sums = np.interp(due, times, envelope, left=0, right=0) @ weights / weights.sum()
    near, apart = np.abs(shifts) <= NEAR_SECONDS, np.abs(shifts) > APART_SECONDS
    if not apart.any():
        return 0.0, 0.0
    level = float(sums[near].max())
    return level / max(float(sums[apart].mean()), 1e-6), level


def _by_sixteenth(envelope: Floats, times: Floats, seconds: float, beats: int) -> Floats:
    """How much starts on the beats and on each of their other sixteenths, (4,)."""
    places = np.arange(4 * beats) * seconds / beats / 4
    near = np.array([-NEAR_SECONDS, -0.01, 0.0, 0.01, NEAR_SECONDS])
    found = np.interp(places[:, None] + near, times, envelope, left=0, right=0).max(axis=1)
    return np.asarray(found.reshape(-1, 4).mean(axis=0))
