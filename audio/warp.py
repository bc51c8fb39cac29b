"""A warp: where each moment of a recording shall lie on the grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.errors import AudioError
from audio.features import Floats

MIN_KNOTS = 2


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

    @property
    def most_stretch_percent(self) -> float:
        """The change that is furthest from none, with its sign."""
        return float(max(self.stretch_percent, key=abs))


def _along(at: Floats, xs: Floats, ys: Floats) -> Floats:
    at = np.asarray(at, dtype=np.float64)
    inside = np.interp(at, xs, ys)
    return np.asarray(inside + np.minimum(at - xs[0], 0) + np.maximum(at - xs[-1], 0))
