"""Decibels of amplitudes and of powers, and back; silence is -200 dB, as JSON has no infinity."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt

SILENCE_DB = -200.0
LEAST_AMPLITUDE, LEAST_POWER = 1e-10, 1e-20  # what SILENCE_DB is

Numbers = TypeVar("Numbers", float, npt.NDArray[np.floating])
Levels = npt.NDArray[np.float64]


def dbfs(peak: float) -> float:
    """The level of an amplitude, of which 1.0 is full scale, in dB; never under -200.

    By Python's logarithm, which is the same on every processor: numpy's may differ in the last bit.
    """
    return 20.0 * math.log10(max(peak, LEAST_AMPLITUDE))


def amplitude_to_db(amplitude: float) -> float:
    """The same by numpy's logarithm."""
    return 20 * float(np.log10(max(amplitude, LEAST_AMPLITUDE)))


def power_to_db(power: float | Levels) -> Levels:
    """Powers (mean squares), one or any shape of them, in dB; never under -200."""
    return np.asarray(10 * np.log10(np.maximum(power, LEAST_POWER)))


def db_to_amplitude(db: Numbers) -> Numbers:
    """The factor that is that many dB: 20 is 10, -6.02 is half."""
    return 10 ** (db / 20)


def db_to_power(db: Numbers) -> Numbers:
    """The power that is that many dB: 10 is 10, -3.01 is half."""
    return 10 ** (db / 10)
