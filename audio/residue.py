"""What stems leave of their mix: nothing, where they add up to it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.decibels import dbfs

ROUNDING = 1e-6  # of the peak: what adding up float32 stems in another order leaves


def residue(
    mix: npt.NDArray[np.floating], stems: Iterable[npt.NDArray[np.floating]]
) -> npt.NDArray[np.float64]:
    """Mix minus stems, all of one shape, in double precision."""
    left = mix.astype(np.float64)
    for stem in stems:
        left -= stem
    return left


def residue_peak(mix: npt.NDArray[np.floating], stems: Iterable[npt.NDArray[np.floating]]) -> float:
    """The largest absolute sample of mix minus stems; 1.0 is full scale."""
    return float(np.abs(residue(mix, stems)).max())


def null_dbfs(mix: Clip, stems: Iterable[Clip]) -> float:
    """The peak of mix minus stems in dBFS; -200 where nothing is left."""
    return dbfs(residue_peak(mix.samples, (stem.samples for stem in stems)))


def adds_up(peak_of_residue: float, peak_of_mix: float) -> bool:
    """Whether stems that leave that much of a mix are all of it, but for rounding."""
    return peak_of_residue <= ROUNDING * max(1.0, peak_of_mix)
