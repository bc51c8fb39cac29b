"""Slots: the even parts of pulses, any of which may begin the first bar."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from audio.features import Floats

MARGIN_PULSES = 8  # slots go on this far beyond the pulses at both ends
SPAN_PULSES = 5  # whose pace they take there


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Times in `seconds` (n,), `per_pulse` of them a pulse, each `beats` grid beats long."""

    seconds: Floats
    per_pulse: int
    beats: float

    @classmethod
    def along(cls, pulses: Floats, step: Fraction, per_pulse: int) -> Slots:
        """Slots of pulses (SPAN_PULSES or more,) in seconds that are `step` grid beats apart."""
        first = np.median(np.diff(pulses[: SPAN_PULSES + 1]))
        last = np.median(np.diff(pulses[-SPAN_PULSES - 1 :]))
        ahead = np.arange(-MARGIN_PULSES, 0) * first + pulses[0]
        behind = np.arange(1, MARGIN_PULSES + 1) * last + pulses[-1]
        whole = np.concatenate([ahead, pulses, behind])
        counted = np.arange((len(whole) - 1) * per_pulse + 1) / per_pulse
        seconds = np.interp(counted, np.arange(len(whole)), whole)
        return cls(np.asarray(seconds), per_pulse, float(step) / per_pulse)

    def pulses_from(self, slot: int) -> Floats:
        """Seconds of that slot and of every pulse after it."""
        return self.seconds[slot :: self.per_pulse]
