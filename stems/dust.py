"""Dust: what is left in a stem that is too quiet to belong to it.

It is moved to the loudest stem of the moment; a stem that is dust from its first frame to its last
is silent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, Samples
from audio.decibels import db_to_power

Floats = npt.NDArray[np.float64]

# Dust: quieter than both of these over 400 ms, the window of BS.1770's momentary loudness.
DUST_DBFS = -60.0
DUST_UNDER_MIX_DB = 40.0
NOTHING_DBFS = -120.0  # under this the mix itself counts as digital silence
STEP_SECONDS = 0.050  # levels are taken, and gates fade, over this
WINDOW_STEPS = 8
PIECE_FRAMES = 1 << 18  # processed at a time


def silent_stems(mix: Clip, clips: Mapping[str, Clip]) -> tuple[str, ...]:
    """Return the silent stems: all dust from the first frame to the last."""
    names = list(clips)
    open_at = _open(mix, [clips[name].samples for name in names])
    return tuple(name for name, gate in zip(names, open_at, strict=True) if not gate.any())


def move_dust(mix: Clip, stems: Samples, strongest: int) -> None:
    """Close the gates of stems that hold dust only; the loudest of the moment gets the dust."""
    step = _step_frames(mix.sample_rate)
    is_open = _open(mix, list(stems))
    if is_open.all():
        return
    loudest = np.stack([_levels(stem, step) for stem in stems]).argmax(0)
    loudest = np.where(is_open.any(0), loudest, strongest)
    gates = is_open.astype(np.float64)
    takes = np.zeros_like(gates)
    takes[loudest, np.arange(gates.shape[1])] = 1.0
    middles = (np.arange(gates.shape[1]) + 0.5) * step
    for first in range(0, mix.frames, PIECE_FRAMES):
        piece = stems[:, :, first : first + PIECE_FRAMES]
        at = np.arange(first, first + piece.shape[-1])
        gate, take = (
            np.stack([np.interp(at, middles, row) for row in rows])[:, None]
            for rows in (gates, takes)
        )
        dust = (piece * (1.0 - gate)).sum(0)
        piece[:] = piece * gate + take * dust


def _open(mix: Clip, stems: list[Samples]) -> npt.NDArray[np.bool_]:
    """Where each stem is more than dust, (stems, steps); the whole window around it is."""
    from scipy.ndimage import maximum_filter1d

    step = _step_frames(mix.sample_rate)
    levels = np.stack([_levels(stem, step) for stem in stems])
    of_mix = _levels(mix.samples, step)
    under = np.where(
        of_mix > db_to_power(NOTHING_DBFS), of_mix * db_to_power(-DUST_UNDER_MIX_DB), np.inf
    )
    above = (levels >= db_to_power(DUST_DBFS)) | (levels >= under)
    return np.asarray(maximum_filter1d(above, WINDOW_STEPS, axis=1, origin=-1), bool)


def _levels(samples: Samples, step: int) -> Floats:
    """Mean square of the louder channel over 400 ms around each step of (channels, frames)."""
    from scipy.ndimage import uniform_filter1d

    firsts = np.arange(0, samples.shape[-1], step)
    counts = np.diff(firsts, append=samples.shape[-1])
    means = np.empty((samples.shape[0], len(firsts)))
    for channel, row in zip(samples, means, strict=True):
        row[:] = np.add.reduceat(np.square(channel, dtype=np.float64), firsts) / counts
    return np.asarray(uniform_filter1d(means.max(0), WINDOW_STEPS, mode="nearest"))


def _step_frames(sample_rate: int) -> int:
    return round(STEP_SECONDS * sample_rate)
