"""Loudness as pyloudnorm has it, filters as scipy has them, for any rate, channels and length."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.signal

from audio.biquads import filtered, high_pass
from audio.oversampling import OVERSAMPLING, oversampled
from audio.weighting import integrated_lufs

# Two orders of adding up float64: far under the 0.01 dB that are shown.
SAME_LUFS = 1e-9


def noise(channels: int, frames: int, sample_rate: int) -> np.ndarray:
    """Noise that dies away, so that both gates have something to leave out."""
    fading = np.exp(-3 * np.arange(frames) / sample_rate)
    draw = np.random.default_rng(frames).standard_normal((channels, frames))
    return (0.1 * draw * fading).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [8000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("seconds", [0.4, 0.55, 4.33])
def test_loudness_is_what_pyloudnorm_finds(sample_rate: int, channels: int, seconds: float) -> None:
    import pyloudnorm

    sound = noise(channels, int(seconds * sample_rate), sample_rate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a block that is silent
        wanted = pyloudnorm.Meter(sample_rate).integrated_loudness(sound.T.astype(np.float64))
    assert integrated_lufs(sound, sample_rate) == pytest.approx(wanted, abs=SAME_LUFS)


@pytest.mark.parametrize("frames", [1, 700, 200_000])
def test_a_filter_on_spectra_is_the_recursion(frames: int) -> None:
    sound = np.random.default_rng(1).standard_normal(frames)
    sections = scipy.signal.butter(2, 250, "high", fs=48_000, output="sos")
    found = filtered(sound, [high_pass(250, 2**-0.5, 48_000)], 48_000)
    assert np.abs(found - scipy.signal.sosfilt(sections, sound)).max() < 1e-11


@pytest.mark.parametrize("frames", [1, 9, 5000])
def test_oversampling_is_scipys_to_the_bit(frames: int) -> None:
    sound = noise(2, frames, 48_000)
    wanted = scipy.signal.resample_poly(sound, OVERSAMPLING, 1, axis=1)
    assert np.array_equal(oversampled(sound), wanted)
