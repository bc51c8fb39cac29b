"""Integrated loudness, true peak, and the one gain that brings a mix and its stems to a target.

Loudness after ITU-R BS.1770-4; true peak by fourfold oversampling, as its annex 2 has it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audio.clip import Clip, Samples
from audio.decibels import SILENCE_DB, Levels, amplitude_to_db, db_to_amplitude
from audio.errors import AudioError
from audio.mix_down import mix_down
from audio.oversampling import OVERSAMPLING, oversampled
from audio.report import Loudness
from audio.weighting import (
    BLOCK_SECONDS,
    BLOCKS_OVERLAP,
    CHANNEL_WEIGHTS,
    gated,
    integrated_lufs,
    weighted,
)

TARGET_LUFS, CEILING_DBTP = -14.0, -1.0
MIN_TARGET_LUFS, MAX_TARGET_LUFS = -40.0, -6.0
MAX_GAIN_DB = 24.0  # more would lift hiss, not music
MIN_SECONDS = BLOCK_SECONDS
MAX_METER_CHANNELS = len(CHANNEL_WEIGHTS)
PIECE_FRAMES = 1 << 15  # oversampled at a time, so that they stay in the cache
PIECE_MARGIN = 64


def measure_loudness(clip: Clip) -> Loudness:
    """Measure a clip, of more than five channels the loudness of their mix-down to stereo."""
    return Loudness(_lufs(clip), amplitude_to_db(true_peak(clip)))


def weighted_power(clip: Clip, hop_frames: int) -> Levels:
    """The power BS.1770 hears (all channels, K-weighted) in each piece of `hop_frames`."""
    hops = -(-clip.frames // hop_frames)
    power = np.zeros(hops)
    for channel in clip.samples:
        squares = np.zeros(hops * hop_frames, np.float32)
        heard = weighted(channel, clip.sample_rate)
        np.square(heard, out=squares[: clip.frames], casting="same_kind")
        power += squares.reshape(hops, hop_frames).mean(axis=1)
    return power


def gated_lufs(power: Levels, hop_seconds: float) -> float | None:
    """Integrated loudness of weighted_power: blocks of 0.4 s, gated; None for less than one."""
    block = round(MIN_SECONDS / hop_seconds)
    step = round(MIN_SECONDS / BLOCKS_OVERLAP / hop_seconds)
    if len(power) < block:
        return None
    sums = np.concatenate([[0.0], np.cumsum(power)])
    return gated((sums[block::step] - sums[:-block:step]) / block)


def true_peak(clip: Clip, at_least: float = 0.0) -> float:
    """Largest absolute value between the samples, too, or `at_least`; 1.0 is full scale.

    What cannot rise over `at_least` is not looked at.
    """
    most = max(clip.peak, at_least)
    for first in range(0, clip.frames, PIECE_FRAMES):
        low, end = max(0, first - PIECE_MARGIN), min(first + PIECE_FRAMES, clip.frames)
        piece = clip.samples[:, low : end + PIECE_MARGIN]
        loud = np.abs(piece).max()
        if 2 * loud > most:  # band-limited music peaks at most 6 dB over its samples
            # Where the piece is cut out of the sound it overshoots: that is not looked at.
            inside = slice(OVERSAMPLING * (first - low), OVERSAMPLING * (end - low))
            most = max(most, float(np.abs(oversampled(piece)[:, inside]).max()))
    return most


def moment_peaks(clip: Clip, hop_frames: int) -> Levels:
    """The true peak of each piece of `hop_frames`, of which the last may be shorter."""
    hops = -(-clip.frames // hop_frames)
    peaks = np.zeros(hops)
    step = max(1, PIECE_FRAMES // hop_frames)
    for first in range(0, hops, step):
        begin, end = first * hop_frames, min((first + step) * hop_frames, clip.frames)
        low = max(0, begin - PIECE_MARGIN)
        loud = oversampled(clip.samples[:, low : end + PIECE_MARGIN])
        loud = np.abs(loud[:, OVERSAMPLING * (begin - low) :]).max(axis=0)
        count = -(-(end - begin) // hop_frames)
        whole = np.zeros(count * hop_frames * OVERSAMPLING, np.float32)
        whole[: OVERSAMPLING * (end - begin)] = loud[: OVERSAMPLING * (end - begin)]
        peaks[first : first + count] = whole.reshape(count, -1).max(axis=1)
    return peaks


def gain_to_target(mix: Clip, target_lufs: float = TARGET_LUFS) -> float:
    """The gain in dB that brings the mix to the target, less where its true peak forbids it.

    0 for silence and for mixes under 0.4 s. Raises AudioError for a target out of range.
    """
    if not MIN_TARGET_LUFS <= target_lufs <= MAX_TARGET_LUFS:
        raise AudioError(
            f"loudness target must be from {MIN_TARGET_LUFS:g} to {MAX_TARGET_LUFS:g} LUFS, "
            f"not {target_lufs:g}"
        )
    found = measure_loudness(mix)
    if found.lufs is None or found.lufs <= SILENCE_DB:
        return 0.0
    wanted = min(target_lufs - found.lufs, MAX_GAIN_DB)
    return min(wanted, CEILING_DBTP - found.true_peak_dbtp)


def with_gain(clips: Mapping[str, Clip], gain_db: float) -> dict[str, Clip]:
    """All clips by the same gain, so that what added up still does."""
    factor = np.float32(db_to_amplitude(gain_db))
    return {name: Clip(clip.samples * factor, clip.sample_rate) for name, clip in clips.items()}


def faded(clip: Clip, in_seconds: float, out_seconds: float) -> Clip:
    """The clip with raised-cosine fades at its ends; they may not overlap. Raises AudioError."""
    if in_seconds < 0 or out_seconds < 0 or in_seconds + out_seconds > clip.seconds:
        raise AudioError(
            f"fades of {in_seconds:g} and {out_seconds:g} s do not fit a clip of {clip.seconds:g} s"
        )
    samples = clip.samples.copy()
    first, last = (round(s * clip.sample_rate) for s in (in_seconds, out_seconds))
    samples[:, :first] *= _rise(first)
    if last:
        samples[:, -last:] *= _rise(last)[::-1]
    return Clip(samples, clip.sample_rate)


def _rise(frames: int) -> Samples:
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(frames) / max(frames, 1))).astype(np.float32)


def _lufs(clip: Clip) -> float | None:
    if clip.seconds < MIN_SECONDS:
        return None
    samples = clip.samples if clip.channels <= MAX_METER_CHANNELS else mix_down(clip.samples)
    return integrated_lufs(samples, clip.sample_rate)
