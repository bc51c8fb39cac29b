"""The one gain over time that compresses and limits a mix; all stems are turned down alike by it.

It is worked out on moments of HOP_SECONDS, from the mix's power and its largest true peak between
each two of them, and is linear from one to the next. Where the piece is a loop its end goes on at
its beginning.
"""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np

from audio.clip import Clip, Samples
from audio.decibels import SILENCE_DB, Levels
from audio.loudness import CEILING_DBTP, gated_lufs, moment_peaks, weighted_power
from diffusion.errors import EngineError

HOP_SECONDS = 0.002
STEP_DB = 0.01  # what the stored gain is rounded down to
# Compression: over the threshold (of the mix's power at its loudness) 2 dB more become 1.
RATIO, KNEE_DB, ABOVE_LOUDNESS_DB = 2.0, 8.0, 3.0
ATTACK_SECONDS, RELEASE_SECONDS = 0.015, 0.18
POWER_SECONDS = 0.010
# Limiting: down before a peak, up at this rate after it.
LOOK_AHEAD_MOMENTS = 3
SETTLE_MOMENTS = 1500  # after these the gain has forgotten how it began
RECOVERY_DB_A_SECOND = 45.0
MARGIN_DB = 0.1  # for what interpolation and rounding do to peaks
ROUNDS, CLOSE_LU = 8, 0.01
MOST_DB = 30.0  # more would lift hiss, not music


def hop_frames(sample_rate: int) -> int:
    """Return the frames between two moments."""
    return round(HOP_SECONDS * sample_rate)


def gain_curve(mix: Clip, loudest: Clip, target_lufs: float, *, wraps: bool) -> Levels:
    """Return the gain in dB at each moment that brings `mix` to `target_lufs`.

    No true peak then passes CEILING_DBTP, of the mix nor of `loudest`, which holds at each frame
    what is loudest of the stems. One of zeros for silence.
    """
    hop = hop_frames(mix.sample_rate)
    weighted = weighted_power(mix, hop)
    seconds = hop / mix.sample_rate
    found = gated_lufs(weighted, seconds)
    if found is None or found == SILENCE_DB:
        return np.zeros(len(weighted) + 1)
    peaks = np.maximum(moment_peaks(mix, hop), _sample_peaks(loudest, hop))
    power = _power(mix, hop)
    static = min(target_lufs - found, MOST_DB)
    curve = np.zeros(len(weighted) + 1)
    for _ in range(ROUNDS):
        curve = _shaped(peaks, power, static, target_lufs, wraps=wraps)
        between = 10 ** ((curve[1:] + curve[:-1]) / 20)
        off = target_lufs - (gated_lufs(weighted * between, seconds) or target_lufs)
        if abs(off) < CLOSE_LU or static + off > MOST_DB:
            break
        static += off
    return curve


def _shaped(
    peaks: Levels, power: Levels, static: float, target_lufs: float, *, wraps: bool
) -> Levels:
    """Static gain, compression and limiting together, in dB at each moment."""
    # A loop comes from its end and goes on to its beginning.
    lead, trail = (SETTLE_MOMENTS, 2 * LOOK_AHEAD_MOMENTS) if wraps else (0, 0)
    power, peaks = (np.pad(each, (lead, trail), "wrap") for each in (power, peaks))
    level = 10 * np.log10(np.maximum(power, 1e-20)) + static
    compressed = static - _reduction(level - (target_lufs + ABOVE_LOUDNESS_DB))
    headroom = CEILING_DBTP - MARGIN_DB - 20 * np.log10(np.maximum(peaks, 1e-10))
    limited = _limited(compressed, headroom)[lead : len(peaks) - trail]
    # A moment lies between two hops; the last one is the first again where the piece wraps.
    before = np.concatenate([limited[-1:] if wraps else limited[:1], limited])
    after = np.concatenate([limited, limited[:1] if wraps else limited[-1:]])
    return np.asarray(np.floor(np.minimum(before, after) / STEP_DB) * STEP_DB)


def _reduction(over: Levels) -> Levels:
    """The dB that each hop is turned down by, for `over` dB above the threshold."""
    knee = np.clip(over + KNEE_DB / 2, 0, KNEE_DB)
    bent = np.where(over > KNEE_DB / 2, over, knee**2 / (2 * KNEE_DB))
    wanted = (1 - 1 / RATIO) * bent
    attack, release = (1 - np.exp(-HOP_SECONDS / s) for s in (ATTACK_SECONDS, RELEASE_SECONDS))
    out = np.empty_like(wanted)
    now = 0.0
    for hop, each in enumerate(wanted.tolist()):
        now += (attack if each > now else release) * (each - now)
        out[hop] = now
    return out


def _limited(wanted: Levels, headroom: Levels) -> Levels:
    """`wanted` (dB a hop), turned down so that no hop passes its headroom."""
    from scipy.ndimage import minimum_filter1d

    room = np.minimum(0.0, headroom - wanted)
    reach = 2 * LOOK_AHEAD_MOMENTS + 1
    early = minimum_filter1d(room, reach, mode="nearest")
    rate = RECOVERY_DB_A_SECOND * HOP_SECONDS
    ramp = rate * np.arange(len(early))
    held = np.minimum(np.minimum.accumulate(early - ramp) + ramp, 0.0)
    # A mean over the reach of the minimum is nowhere above what the hop itself allows.
    padded = np.pad(held, LOOK_AHEAD_MOMENTS, mode="edge")
    smooth = np.convolve(padded, np.full(reach, 1 / reach), "valid")
    return wanted + np.minimum(smooth, room)


def _power(mix: Clip, hop: int) -> Levels:
    """The mix's mean square over about POWER_SECONDS, at each hop."""
    from scipy.ndimage import uniform_filter1d

    hops = -(-mix.frames // hop)
    squares = np.zeros(hops * hop, np.float32)
    squares[: mix.frames] = np.square(mix.samples).mean(axis=0)
    power = squares.reshape(hops, hop).mean(axis=1, dtype=np.float64)
    return np.asarray(uniform_filter1d(power, round(POWER_SECONDS / HOP_SECONDS)))


def _sample_peaks(loudest: Clip, hop: int) -> Levels:
    hops = -(-loudest.frames // hop)
    most = np.zeros(hops * hop, np.float32)
    most[: loudest.frames] = np.abs(loudest.samples).max(axis=0)
    return np.asarray(most.reshape(hops, hop).max(axis=1), np.float64)


def factors(curve: Levels, frames: int, sample_rate: int) -> Samples:
    """Return the gain as factors (frames,), linear between the moments."""
    hop = hop_frames(sample_rate)
    nodes = np.power(10.0, curve / 20).astype(np.float32)
    between = (np.arange(hop, dtype=np.float32) / hop)[None]
    gain = nodes[:-1, None] + (nodes[1:] - nodes[:-1])[:, None] * between
    return np.asarray(gain.reshape(-1)[:frames], np.float32)


def as_text(curve: Levels) -> str:
    """Give the curve as text: base64 of zlib of the differences, in STEP_DB, as int16."""
    steps = np.round(curve / STEP_DB).astype(np.int32)
    differences = np.diff(steps, prepend=0).astype("<i2")
    return base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode("ascii")


def from_text(text: str, frames: int, sample_rate: int) -> Levels:
    """Read what as_text gave; raises EngineError where it does not fit the frames."""
    try:
        differences = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i2")
    except (binascii.Error, zlib.error, ValueError) as error:
        raise EngineError(f"the gain in the score cannot be read: {error}") from None
    moments = -(-frames // hop_frames(sample_rate)) + 1
    if len(differences) != moments:
        raise EngineError(f"the gain in the score has {len(differences)} moments, not {moments}")
    return np.asarray(np.cumsum(differences.astype(np.int64)) * STEP_DB, np.float64)
