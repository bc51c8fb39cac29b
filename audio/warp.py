"""A warp: where each moment of a recording shall lie on the grid, and where it is cut for that.

It is cut before sharp attacks, and wherever the tempo turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.errors import AudioError
from audio.features import Floats
from audio.onsets import Onsets

MIN_KNOTS = 2
APART_SECONDS = 0.12  # as long as the stretcher looks around itself
STRAIGHT_SECONDS = 0.0005  # a piece is stretched evenly: so far may the warp be off that


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """Knots (n,) of seconds in the source and in the target, straight in between.

    Before the first and after the last knot time runs as fast as in the source. Both ascend.
    Raises AudioError.
    """

    source_seconds: Floats
    target_seconds: Floats

    def __post_init__(self) -> None:
        for name in ("source_seconds", "target_seconds"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or len(values) < MIN_KNOTS or not np.isfinite(values).all():
                raise AudioError(f"{name} must be a row of {MIN_KNOTS} or more finite times")
            if (np.diff(values) <= 0).any():
                raise AudioError(f"{name} must ascend")
            object.__setattr__(self, name, values)
        if len(self.source_seconds) != len(self.target_seconds):
            raise AudioError(
                f"a warp has as many source as target times, not {len(self.source_seconds)} "
                f"and {len(self.target_seconds)}"
            )

    def target_at(self, seconds: Floats) -> Floats:
        """Where moments of the source go."""
        return _along(seconds, self.source_seconds, self.target_seconds)

    def source_at(self, seconds: Floats) -> Floats:
        """Which moments of the source lie at times of the target."""
        return _along(seconds, self.target_seconds, self.source_seconds)

    @property
    def stretch_percent(self) -> Floats:
        """How much longer each segment between two knots becomes, (n - 1,); 3 is 3 % longer."""
        return 100 * (np.diff(self.target_seconds) / np.diff(self.source_seconds) - 1)


def _along(at: Floats, xs: Floats, ys: Floats) -> Floats:
    at = np.asarray(at, dtype=np.float64)
    inside = np.interp(at, xs, ys)
    return np.asarray(inside + np.minimum(at - xs[0], 0) + np.maximum(at - xs[-1], 0))


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
