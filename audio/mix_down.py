"""Channels brought together: many into stereo, and all into the one that is listened to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

# In what order the channels lie: WAV, FLAC and AIFF, and Vorbis, which has one of its own.
# C centre, S surround in the middle, E low effects; l and r beside or behind.
ORDERS = {3: "LRC", 4: "LRlr", 5: "LRClr", 6: "LRCElr", 7: "LRCESlr", 8: "LRCElrlr"}
VORBIS_ORDERS = {3: "LCR", 4: "LRlr", 5: "LCRlr", 6: "LCRlrE", 7: "LCRlrSE", 8: "LCRlrlrE"}
HALF = 0.5**0.5  # of the power
# What goes to the left and to the right, as ITU-R BS.775-3 has it, table 2.
SHARES = {"L": (1, 0), "R": (0, 1), "C": (HALF, HALF), "S": (0.5, 0.5), "E": (0, 0),
          "l": (HALF, 0), "r": (0, HALF)}  # fmt: skip
TURNED_GAIN = 3.0  # power that the sum gains by turned signs before the channels count as opposed


def mix_down(samples: Samples, subtype: str = "") -> Samples:
    """Mix (3..8 channels, frames) down to (2, frames), so that nothing can go beyond full scale."""
    orders = VORBIS_ORDERS if subtype == "VORBIS" else ORDERS
    shares = np.array([SHARES[role] for role in orders[len(samples)]]).T
    shares /= shares.sum(axis=1).max()
    return np.asarray(shares.astype(np.float32) @ samples, np.float32)


def to_mono(samples: Samples) -> Samples:
    """Average (channels, frames) into (frames,) that is to be listened to.

    Where the channels cancel each other some are turned over first, or nothing would be heard.
    """
    return average(samples, signs_of(powers(samples)))


def average(samples: Samples, signs: Samples | None) -> Samples:
    """Average channels into (frames,), those turned over that have the sign -1."""
    if signs is None:
        return np.asarray(samples.mean(axis=0), np.float32)
    return np.asarray(signs @ samples / np.float32(len(samples)), np.float32)


def powers(samples: Samples) -> Floats:
    """The power that channels have in common, (channels, channels); those of parts add up."""
    found = np.zeros((len(samples), len(samples)))
    for first in range(0, samples.shape[1] if len(samples) > 1 else 0, 1 << 16):
        block = samples[:, first : first + (1 << 16)]
        found += block @ block.T
    return found


def signs_of(power: Floats) -> Samples | None:
    """Return +1 or -1 for each channel so that their sum does not cancel; None if it does not.

    `power` is what powers() gives.
    """
    if len(power) < 2 or not power.any():
        return None
    main = np.linalg.eigh(power)[1][:, -1]
    signs = np.where(main * main[np.abs(main).argmax()] < 0, -1.0, 1.0)
    if signs @ power @ signs <= TURNED_GAIN * power.sum():
        return None
    return np.asarray(signs, np.float32)


def mono_against_channels(power: Floats) -> float:
    """The power of the plain average over the mean power of the channels, 0 to 1; 1 for silence."""
    total = float(np.trace(power))
    return max(0.0, float(power.sum())) / (len(power) * total) if total else 1.0
