"""Stems as whole numbers of some bits, whose sum is exactly that of their mix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.decibels import dbfs
from stems.consistency import check_alike
from stems.errors import StemError

Integers = npt.NDArray[np.int32]

# Rounding moves each stem and the mix by at most half a unit, dithered by one and a half; float32
# sums of samples within full scale miss by less than one of 24 bits for each stem. What is further
# off was never a sum.
_UNITS_OFF_PER_STEM = 2

# Rounding to so few bits distorts quiet sound audibly; noise makes that a steady hiss.
DITHERED_BITS = 16
_DITHER_SEED = 16


def dither_for(bits: int) -> np.random.Generator | None:
    """Return the source of noise for whole numbers of `bits`, the same each time; or None.

    Blocks of one file must all be dithered by one source.
    """
    return np.random.default_rng(_DITHER_SEED) if bits <= DITHERED_BITS else None


def to_whole(clip: Clip, bits: int, dither: np.random.Generator | None = None) -> Integers:
    """Return samples as whole numbers of `bits`; raises StemError for samples over full scale.

    Dither is noise of two evenly spread random numbers of one unit (TPDF, Lipshitz et al. 1992):
    mean and variance of the error then do not depend on the sound. Samples that are whole already
    stay as they are.
    """
    if clip.peak > 1:
        raise StemError(
            f"clip peaks at {dbfs(clip.peak):+.2f} dBFS; "
            f"{bits}-bit PCM holds at most 0 dBFS, 32-bit float holds it all"
        )
    whole = _rounded(clip, bits)
    if dither is None or _is_exact(clip, whole, bits):
        return whole
    noise = dither.random(clip.samples.shape, np.float32)
    noise -= dither.random(clip.samples.shape, np.float32)
    return _rounded(clip, bits, noise)


def to_integers(
    mix: Clip,
    clips: Mapping[str, Clip],
    bits: int = 24,
    dither: np.random.Generator | None = None,
) -> tuple[Integers, dict[str, Integers]]:
    """Return mix and stems as whole numbers of `bits` (2 to 32) whose sums are exact.

    All are rounded to the nearest, by `dither` if it is given; what the rounded stems then miss of
    the rounded mix, a few units, goes into the loudest stem that was not whole before and has room
    for it. So that stem is the dithered mix minus the other dithered stems: its error is still
    noise, with as much power as that of all of them. Shapes (channels, frames), in
    -2^(bits-1) .. 2^(bits-1) - 1. Raises StemError for samples over full scale, or stems that do
    not add up to the mix to begin with.
    """
    check_alike(mix, clips)
    if bits not in range(2, 33):
        raise StemError(f"bits must be from 2 to 32, not {bits}")
    highest = (1 << (bits - 1)) - 1
    whole_mix = to_whole(mix, bits, dither)
    whole = {name: to_whole(clip, bits, dither) for name, clip in clips.items()}
    missing = whole_mix.astype(np.int64)
    for stem in whole.values():
        missing -= stem
    if np.abs(missing).max() > _UNITS_OFF_PER_STEM * (len(whole) + 1):
        raise StemError(
            f"the stems miss the mix by {np.abs(missing).max()} units of {bits} bits: they do "
            "not add up"
        )
    # A stem that was whole already, such as one that stays from an earlier job, stays as it is.
    exact = {name: _is_exact(clip, whole[name], bits) for name, clip in clips.items()}
    energy = {name: float(np.vdot(clip.samples, clip.samples)) for name, clip in clips.items()}
    for name in sorted(clips, key=lambda n: (exact[n], -energy[n])):
        before = whole[name].astype(np.int64)
        after = np.clip(before + missing, -highest - 1, highest)
        missing -= after - before
        whole[name] = after.astype(np.int32)
        if not missing.any():
            break
    return whole_mix, whole


def _rounded(clip: Clip, bits: int, noise: npt.NDArray[np.float32] | None = None) -> Integers:
    highest = 1 << (bits - 1)
    scaled = clip.samples.astype(np.float64) * highest
    if noise is not None:
        scaled += noise
    return np.clip(np.rint(scaled), -highest, highest - 1).astype(np.int32)


def _is_exact(clip: Clip, whole: Integers, bits: int) -> bool:
    return bool(np.array_equal(whole * np.float64(2.0 ** (1 - bits)), clip.samples))
