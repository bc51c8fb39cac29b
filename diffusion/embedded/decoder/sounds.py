"""Which sounds the networks know, in the order of their weights, and how each is laid out."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from diffusion.embedded.performance import DRUMS, RANGES, TIMBRES

# Pitched timbres in the order of the bank (a timbre two parts share is one sound) and drum kits.
PITCHED: tuple[str, ...] = tuple(
    dict.fromkeys(name for part in ("bass", "comp", "lead") for name in TIMBRES[part])
)
KITS: tuple[str, ...] = TIMBRES["drums"]
PIECES: tuple[str, ...] = tuple(DRUMS)

LOWEST_PITCH = min(low for low, _ in RANGES.values())
KEYS = max(high for _, high in RANGES.values()) - LOWEST_PITCH + 1

PARTIALS = 128
TOP_HZ = 18000.0
# Partials are counted from this many times below the note: a drawbar organ has a 16' rank.
BELOW: Mapping[str, int] = {"organ": 2}

BANDS = 32
BAND_EDGES_HZ: tuple[float, ...] = tuple(
    60.0 * (20000.0 / 60.0) ** (i / BANDS) for i in range(BANDS + 1)
)
# Natural logarithm of the lowest audible level; the networks predict levels above it.
FLOOR = math.log(2e-5)


def pitches_of(timbre: str) -> range:
    """All MIDI pitches a part may play with this timbre."""
    ranges = [RANGES[part] for part, names in TIMBRES.items() if timbre in names]
    return range(min(low for low, _ in ranges), max(high for _, high in ranges) + 1)


def equal_hz(pitch: float) -> float:
    """Equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def partials_hz(hz: float, stretch: float) -> Tensor:
    """Frequencies (partials,) below TOP_HZ of a stiff string: h hz sqrt(1 + stretch h^2).

    Fletcher, "Normal vibration frequencies of a stiff piano string", 1964; float64.
    """
    h = torch.arange(1, PARTIALS + 1, dtype=torch.float64)
    partials = h * hz * torch.sqrt(1 + stretch * h * h)
    return partials[partials < TOP_HZ]
