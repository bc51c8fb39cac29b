"""Where a sound can go round: two upward zero crossings around which it is alike."""

from __future__ import annotations

import numpy as np

from audio.clip import Clip, Samples
from audio.decibels import amplitude_to_db

SHORTEST_SECONDS = 0.1
FROM, TO = 0.35, 0.9  # of the sound: after its attack, before its fade
AROUND_SECONDS = 0.010  # that must be alike at both ends
ALIKE = 0.9  # correlation there
LEVELS_DB = 3.0  # by which both ends may differ


def loop_of(clip: Clip, root: int) -> tuple[int, int] | None:
    """The loop of a tone of MIDI pitch `root`: from a frame to before another; None for none.

    The longest of those that are best alike; both ends are the first frame at or above zero after
    one below, in the mean of the channels.
    """
    mono = clip.samples.mean(0)
    around = round(AROUND_SECONDS * clip.sample_rate)
    first, last = round(FROM * clip.frames), round(TO * clip.frames)
    crossings = np.flatnonzero((mono[:-1] < 0) & (mono[1:] >= 0)) + 1
    inside = crossings[(crossings >= max(first, around)) & (crossings < last - around)]
    shortest = SHORTEST_SECONDS * clip.sample_rate
    if len(inside) < 2 or inside[-1] - inside[0] < shortest:
        return None
    period = clip.sample_rate / (440 * 2 ** ((root - 69) / 12))
    end = int(inside[-1])
    starts = inside[inside <= end - shortest]
    turns = (end - starts) / period
    whole = starts[np.abs(turns - np.rint(turns)) < 0.1]
    found = [(_likeness(mono, int(start), end, around), int(start)) for start in whole]
    good = [(round(likeness, 2), -start) for likeness, start in found if likeness >= ALIKE]
    return (-max(good)[1], end) if good else None


def _likeness(mono: Samples, start: int, end: int, around: int) -> float:
    """The correlation around two frames, 0 where their levels differ too much."""
    one, other = (mono[at - around : at + around].astype(np.float64) for at in (start, end))
    sizes = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if not all(sizes) or abs(amplitude_to_db(sizes[0] / sizes[1])) > LEVELS_DB:
        return 0.0
    return float(one @ other) / (sizes[0] * sizes[1])
