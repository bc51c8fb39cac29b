"""Which octave of a pulse is the tempo, where nobody said how fast a recording is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.beats import find_pulses
from audio.features import OnsetEnvelope
from midi.grid import Grid, Meter

MIN_BPM, MAX_BPM = 55.0, 215.0
# Tempos scatter around the usual one by so many octaves. Where sixteenths of the slower count are
# as strong as its beats they are the eighths of the faster one. Set by hand on the 45 s excerpts
# of benchmarks/recordings.py, all twenty of them.
USUAL_BPM, SPREAD_OCTAVES = 125.0, 0.35
BESIDE_COUNTS, USUAL_BESIDE = 5.0, 0.3


@dataclass(frozen=True, slots=True)
class _Count:
    bpm: float
    beside: float

    @property
    def unusual(self) -> float:
        """How far the tempo is from the usual one, as a loss of log odds."""
        return float((np.log2(self.bpm / USUAL_BPM) / SPREAD_OCTAVES) ** 2 / 2)


def choose_octave(
    bpm: float, onsets: OnsetEnvelope, notes: OnsetEnvelope, meter: Meter, seconds: float
) -> float:
    """Return a pulse of `bpm`, or an octave of it, as a listener would count."""
    octaves = [bpm * 2.0**power for power in range(-3, 4)]
    options = [each for each in octaves if MIN_BPM <= each <= MAX_BPM]
    if len(options) < 2:
        return options[0] if options else bpm
    chosen = options[0]
    for faster in options[1:]:
        grid = Grid.constant(str(round(chosen, 4)), meter, max(1, int(seconds * chosen / 240)))
        found = find_pulses(onsets, notes, grid)
        slower = _Count(chosen, found[0].beside if found else USUAL_BESIDE)
        gain = slower.unusual - _Count(faster, 0.0).unusual
        if gain + BESIDE_COUNTS * (slower.beside - USUAL_BESIDE) <= 0:
            break
        chosen = faster
    return chosen
