"""A mix taken apart: a splitter's estimates, made to add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from audio.clip import Clip
from audio.stem_names import STEMS
from stems.consistency import AddedUp, add_up, silent_stems
from stems.errors import StemError
from stems.splitting.splitter import Splitter


def separate(
    mix: Clip,
    splitter: Splitter,
    *,
    stems: Sequence[str] = STEMS,
    progress: Callable[[float], None] = lambda fraction: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> AddedUp:
    """Split a mix into stems of its own rate and length; all four of them add up to it.

    A mono mix becomes both channels. Raises Cancelled within a segment, and StemError.
    """
    if mix.channels == 1:
        mix = Clip(np.repeat(mix.samples, 2, 0), mix.sample_rate)
    if mix.channels != 2:
        raise StemError(
            f"the mix has {mix.channels} channels; mono and stereo can be split, so mix it down"
        )
    estimates = splitter.split(mix, stems=stems, progress=progress, cancelled=cancelled)
    return finish(mix, estimates)


def finish(mix: Clip, estimates: Mapping[str, Clip]) -> AddedUp:
    """Make all four stems add up; fewer cannot, and stay as they were estimated."""
    if len(estimates) == len(STEMS):
        return add_up(mix, estimates)
    return AddedUp(estimates, silent_stems(mix, estimates))
