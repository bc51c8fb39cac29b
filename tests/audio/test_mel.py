"""Mel bands, decibels and rises have librosa's values."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from audio.mel import decibels, mel_filters, rises

# float32 steps at most: the arithmetic is the same, but its order may not be
CLOSE = 1e-6


@pytest.mark.parametrize(
    ("sample_rate", "window", "bands", "lowest_hz"),
    [(48_000, 2048, 128, 0.0), (44_100, 512, 40, 28.0), (16_000, 1024, 128, 0.0)],
)
def test_mel_filters_are_those_of_librosa(
    sample_rate: int, window: int, bands: int, lowest_hz: float
) -> None:
    theirs = librosa.filters.mel(sr=sample_rate, n_fft=window, n_mels=bands, fmin=lowest_hz)
    ours = mel_filters(sample_rate, window, bands, lowest_hz)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * theirs.max())


def test_decibels_and_rises_are_those_of_librosa() -> None:
    power = (np.random.default_rng(1).random((128, 300)) ** 8).astype(np.float32)
    levels = librosa.power_to_db(power)  # of a dynamic range of 80 dB
    np.testing.assert_allclose(decibels(power, 80.0), levels, rtol=CLOSE)
    # A window of 8 hops: librosa moves the onsets by half of it.
    theirs = librosa.onset.onset_strength(S=levels, max_size=3, n_fft=8, hop_length=1)
    np.testing.assert_allclose(rises(levels, 4), theirs, rtol=CLOSE)


def test_a_rise_counts_from_the_louder_neighbour_and_is_a_mean_over_bands() -> None:
    levels = np.zeros((4, 3), np.float32)
    levels[:, 1] = [0, 6, 0, 0]
    levels[:, 2] = [6, 6, 6, 10]
    # Column 1: only band 1 rises, by 6: 6 / 4. Column 2: bands 0 to 2 have a neighbour at 6
    # before, band 3 rises by 10: 10 / 4.
    assert rises(levels, 0).tolist() == [0.0, 1.5, 2.5]
