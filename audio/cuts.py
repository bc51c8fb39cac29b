"""Where a recording is cut to be stretched: before sharp attacks, and wherever the tempo turns."""

from __future__ import annotations

import numpy as np

from audio.features import Floats
from audio.onsets import Onsets
from audio.warp import Warp

APART_SECONDS = 0.12  # as long as the stretcher looks around itself
STRAIGHT_SECONDS = 0.0005  # a piece is stretched evenly: so far may the warp be off that


def choose_cuts(
    warp: Warp, onsets: Onsets, sample_rate: int, first_frame: int, stop_frame: int
) -> tuple[Floats, Floats]:
    """Source and target frames (n,) of all cuts from `first_frame` to `stop_frame` of the target.

    Target frames are whole, source frames are those the warp has there. One attack a beat is
    chosen, the strongest, for each cut costs some sustained sound a small flutter.
    """
    ends = np.array([first_frame, stop_frame]) / sample_rate
    begin, end = warp.source_at(ends).tolist()
    chosen = [begin, *_attacks(warp, onsets, begin, end), end]
    turns = _turns(warp, np.array(chosen))
    targets = np.rint(warp.target_at(np.array(sorted({*chosen, *turns}))) * sample_rate)
    targets[0], targets[-1] = first_frame, stop_frame
    return warp.source_at(targets / sample_rate) * sample_rate, targets


def _attacks(warp: Warp, onsets: Onsets, begin: float, end: float) -> list[float]:
    sharp = onsets.sharp
    seconds, strength = onsets.seconds[sharp], onsets.strength[sharp]
    beat = np.searchsorted(warp.source_seconds, seconds)
    found: list[float] = []
    for each in np.unique(beat).tolist():
        mine = np.flatnonzero(beat == each)
        moment = float(seconds[mine[strength[mine].argmax()]])
        last = found[-1] if found else begin
        if moment > last + APART_SECONDS and moment < end - APART_SECONDS:
            found.append(moment)
    return found


def _turns(warp: Warp, chosen: Floats) -> list[float]:
    """Knots of the warp between cuts where an even stretch would leave it too far."""
    found: list[float] = []
    targets = warp.target_at(chosen)
    for knot, target in zip(warp.source_seconds, warp.target_seconds, strict=True):
        after = int(np.searchsorted(chosen, knot))
        if not 0 < after < len(chosen):
            continue
        even = np.interp(knot, chosen[after - 1 : after + 1], targets[after - 1 : after + 1])
        apart = min(knot - chosen[after - 1], chosen[after] - knot)
        if abs(even - target) > STRAIGHT_SECONDS and apart > APART_SECONDS:
            found.append(float(knot))
    return found
