"""Features of a clip: where sounds begin, and which pitches sound.

The door to librosa, which takes long to import and is so for `pitch_over_time` only.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, resample_fast
from audio.constant_q import HOP_FRAMES, pitches
from audio.mel import LEAST_POWER, decibels, mel_filters, rises
from audio.mix_down import to_mono

Floats = npt.NDArray[np.float64]
Power = npt.NDArray[np.float32]

ONSET_WINDOW_SECONDS = 0.043  # 2048 frames at 48 kHz, a power of two at any rate
HOPS_PER_WINDOW = 8
ONSET_BANDS, ATTACK_BANDS = 128, 40
BLOCK_FRAMES = 2048  # of a spectrogram at a time
ONSET_BIAS_SECONDS = 0.0065  # the envelope peaks that long after the attack of a click or drum
ATTACK_WINDOW_SECONDS = 0.0116  # 512 frames at 44.1 kHz
CALM_DYNAMICS_DB = 80.0
DYNAMICS_DB = 50.0  # what is softer than the loudest moment by more has no onset
LOWEST_HZ = 28.0  # of the attacks' bands
PITCH_WINDOW_SECONDS = 0.046  # three periods of the lowest pitch
PITCH_HZ = (65.4, 1396.9)
SILENCE = 1e-4  # -80 dBFS peak
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 16_000, 48_000  # where the seven octaves of the chroma fit


@dataclass(frozen=True, slots=True, eq=False)
class OnsetEnvelope:
    """How much begins to sound, (n,) values >= 0 in dB, at `seconds` (n,), the bias taken off."""

    values: Floats
    seconds: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What begins when: `onsets` calmly, `attacks` in steps of 1.5 ms.

    The attacks are too restless to find beats in, but true to under a millisecond where an attack
    is sharp; they have no bias. `levels` (bands, n) are the dB that they are the rises of, and
    `spectrum` (128, n) are the dB, at `spectrum_seconds`, that the calm ones are.
    """

    onsets: OnsetEnvelope
    attacks: OnsetEnvelope
    levels: Power
    spectrum: Power
    spectrum_seconds: Floats


def extract_features(clip: Clip) -> Features | None:
    """Hear all that beats are found by, on two threads; None for silence."""
    clip = audible(clip)
    mono = _mono(clip)
    if mono is None:
        return None
    with ThreadPoolExecutor(1) as other:
        attacks = other.submit(_attacks, mono, clip.sample_rate)
        calm, seconds = _calm_power(mono, clip.sample_rate)
        flux, levels = attacks.result()
    onsets = _onset_strength(calm, seconds)
    np.maximum(calm, LEAST_POWER, out=calm)
    np.log10(calm, out=calm)
    calm *= 10
    return Features(onsets, flux, levels, calm, seconds)


def onset_envelope(clip: Clip) -> OnsetEnvelope | None:
    """Log-mel spectral flux of the mono sum; None for silence."""
    clip = audible(clip)
    mono = _mono(clip)
    return None if mono is None else _onset_strength(*_calm_power(mono, clip.sample_rate))


def pitches_over_time(clip: Clip) -> tuple[Floats, Floats] | None:
    """How loud each semitone from C1 to B7 is, (84, n), in A = 440 Hz, and the seconds (n,)."""
    clip = audible(clip)
    mono = _mono(clip)
    if mono is None:
        return None
    # The lowest octave is seen at a 128th of the rate, through windows of 1024 of those frames.
    mono = np.pad(mono, (0, max(0, 128 * 1024 - len(mono))))
    levels = pitches(mono, clip.sample_rate)
    return levels, np.arange(levels.shape[1]) * HOP_FRAMES / clip.sample_rate


def pitch_over_time(clip: Clip) -> tuple[Floats, Floats] | None:
    """The one pitch that sounds, as fractional MIDI numbers (n,), NaN where none does, and seconds.

    Probabilistic YIN (Mauch and Dixon, ICASSP 2014) from C2 to F6; None for silence. Of several
    voices it finds one or none.
    """
    clip = audible(clip)
    mono = _mono(clip)
    if mono is None:
        return None
    from librosa import pyin

    window = _power_of_two(PITCH_WINDOW_SECONDS, clip.sample_rate)
    hop = window // 4
    hertz, _, _ = pyin(
        mono, fmin=PITCH_HZ[0], fmax=PITCH_HZ[1], sr=clip.sample_rate, frame_length=window,
        hop_length=hop,
    )  # fmt: skip
    seconds = np.arange(len(hertz)) * hop / clip.sample_rate
    return 69 + 12 * np.log2(np.asarray(hertz, dtype=np.float64) / 440), seconds


def _onset_strength(power: Power, seconds: Floats) -> OnsetEnvelope:
    # A window lasts HOPS_PER_WINDOW columns: its middle is where it rises.
    values = rises(decibels(power, CALM_DYNAMICS_DB), HOPS_PER_WINDOW // 2).astype(np.float64)
    # In decibels a sound out of silence outweighs a whole bar: let it count at most double.
    np.minimum(values, 2 * np.percentile(values, 99), out=values)
    return OnsetEnvelope(values, seconds - ONSET_BIAS_SECONDS)


def _calm_power(mono: Power, sample_rate: int) -> tuple[Power, Floats]:
    return _mel_power(mono, sample_rate, ONSET_WINDOW_SECONDS, ONSET_BANDS, 0.0)


def _attacks(mono: Power, sample_rate: int) -> tuple[OnsetEnvelope, Power]:
    """Mean rise in dB over mel bands from one hop to the next, and the levels in dB themselves."""
    power, seconds = _mel_power(mono, sample_rate, ATTACK_WINDOW_SECONDS, ATTACK_BANDS, LOWEST_HZ)
    level = decibels(power, DYNAMICS_DB)
    level -= level.max()
    rise = np.maximum(0, np.diff(level, axis=1, prepend=level[:, :1])).mean(axis=0)
    return OnsetEnvelope(np.asarray(rise, dtype=np.float64), seconds), level


def _mel_power(
    mono: Power, sample_rate: int, window_seconds: float, bands: int, lowest_hz: float
) -> tuple[Power, Floats]:
    """Power in mel bands up to half the rate, (bands, n), and the seconds, from a window before 0.

    A Hann window, centred; a block at a time, so that long recordings need no more memory.
    """
    from scipy.fft import rfft

    window = _power_of_two(window_seconds, sample_rate)
    hop = window // HOPS_PER_WINDOW
    # A window of silence in front, or a sound in the very first frame would have no onset.
    padded = np.pad(mono, (window + window // 2, window // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    matrix = mel_filters(sample_rate, window, bands, lowest_hz)
    found = np.empty((bands, len(frames)), np.float32)
    for first in range(0, len(frames), BLOCK_FRAMES):
        block = np.asarray(rfft(frames[first : first + BLOCK_FRAMES] * taper, axis=1))
        power = block.real**2 + block.imag**2
        found[:, first : first + BLOCK_FRAMES] = matrix @ power.T
    return found, (np.arange(len(frames)) * hop - window) / sample_rate


def _power_of_two(seconds: float, sample_rate: int) -> int:
    return 1 << round(float(np.log2(seconds * sample_rate)))


def audible(clip: Clip) -> Clip:
    """Return what is listened to of a clip: one channel, at a rate that can be measured."""
    if clip.channels > 1:
        clip = Clip(to_mono(clip.samples)[None], clip.sample_rate)
    return resample_fast(clip, min(max(clip.sample_rate, MIN_SAMPLE_RATE), MAX_SAMPLE_RATE))


def _mono(clip: Clip) -> Power | None:
    mono = clip.samples[0]
    return mono if np.abs(mono).max() > SILENCE else None
