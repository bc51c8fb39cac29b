"""What the ear weighs of a sound: the K-weighting of ITU-R BS.1770-4, and its gated loudness.

The two filters and the blocks are those of pyloudnorm (Steinmetz and Reiss 2021), which the tests
hold this to.
"""

from __future__ import annotations

import numpy as np

from audio.biquads import filtered, high_pass, high_shelf
from audio.clip import Samples
from audio.decibels import SILENCE_DB, Levels

BLOCK_SECONDS = 0.4
BLOCKS_OVERLAP = 4  # a block begins every quarter of a block
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
CHANNEL_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)  # left, right, centre, and two behind
SHELF_HZ, SHELF_DB, SHELF_QUALITY = 1500.0, 4.0, 2**-0.5
HIGH_PASS_HZ, HIGH_PASS_QUALITY = 38.0, 0.5


def weighted(samples: Samples, sample_rate: int) -> Levels:
    """Return sound (..., frames) as BS.1770 hears it, in float64."""
    shelf = high_shelf(SHELF_HZ, SHELF_DB, SHELF_QUALITY, sample_rate)
    return filtered(
        samples, (shelf, high_pass(HIGH_PASS_HZ, HIGH_PASS_QUALITY, sample_rate)), sample_rate
    )


def integrated_lufs(samples: Samples, sample_rate: int) -> float:
    """Loudness of sound (channels, frames) of at least one block and at most five channels."""
    squares = np.square(weighted(samples, sample_rate))
    step = BLOCK_SECONDS / BLOCKS_OVERLAP
    steps = round((squares.shape[-1] / sample_rate - BLOCK_SECONDS) / step)
    blocks = np.zeros(steps + 1)
    for block in range(steps + 1):
        first, end = (int((block + more) * step * sample_rate) for more in (0, BLOCKS_OVERLAP))
        power = squares[:, first:end].sum(axis=-1) / (BLOCK_SECONDS * sample_rate)
        blocks[block] = power @ np.array(CHANNEL_WEIGHTS[: len(power)])
    return gated(blocks)


def gated(blocks: Levels) -> float:
    """Loudness of blocks given by their power, of those that pass both gates; of silence, too."""
    for gate in (ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU):
        if gate == RELATIVE_GATE_LU:
            gate += _lufs_of(blocks)
        blocks = blocks[blocks > 10 ** ((gate + 0.691) / 10)]
        if not len(blocks):
            return SILENCE_DB
    return _lufs_of(blocks)


def _lufs_of(blocks: Levels) -> float:
    return -0.691 + 10 * float(np.log10(blocks.mean()))
