"""Onsets by aubio (complex domain method), which is imported only here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOP = 64
WINDOW = 1024
LEAD_IN_SECONDS = 0.5  # silence before, so that a sound in the very first frame has an onset


def onsets_of(mono: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Return the onsets in seconds, ascending."""
    import aubio

    find = aubio.onset("complex", WINDOW, HOP, sample_rate)
    find.set_threshold(0.4)
    find.set_minioi_ms(30)
    lead_in = np.zeros(round(LEAD_IN_SECONDS * sample_rate), np.float32)
    sound = np.concatenate([lead_in, mono.astype(np.float32)])
    found = []
    for at in range(0, len(sound) - HOP, HOP):
        if find(sound[at : at + HOP]):
            found.append(find.get_last_s() - LEAD_IN_SECONDS)
    return np.array(found)
