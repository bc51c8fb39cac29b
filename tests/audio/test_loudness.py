"""Loudness by the standard's own test signals; one gain for all."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clip import Clip
from audio.errors import AudioError
from audio.loudness import (
    PIECE_FRAMES,
    faded,
    gain_to_target,
    measure_loudness,
    true_peak,
    with_gain,
)

RATE = 48_000


def sine(hertz: float, dbfs: float, seconds: float = 3.0, phase: float = 0.0) -> Clip:
    time = np.arange(int(seconds * RATE)) / RATE
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * time + phase)
    return Clip(np.stack([wave, wave]).astype(np.float32), RATE)


def test_a_tone_of_1_khz_at_minus_23_dbfs_has_minus_23_lufs() -> None:
    # EBU Tech 3341, test case 1: both channels at -23 dBFS (peak), 1 kHz, gives -23.0 +- 0.1 LUFS.
    assert measure_loudness(sine(1000, -23)).lufs == pytest.approx(-23.0, abs=0.1)


def test_the_peak_between_the_samples_is_found() -> None:
    # A quarter of the rate at 45 degrees: all samples lie at 0.707 of the peak, 3.01 dB below it.
    tone = faded(sine(RATE / 4, -6, phase=np.pi / 4), 0.1, 0.1)
    assert 20 * np.log10(tone.peak) == pytest.approx(-9.01, abs=0.01)
    # EBU Tech 3341 allows a true peak meter +0.2 and -0.4 dB.
    assert 20 * np.log10(true_peak(tone)) == pytest.approx(-6.0, abs=0.2)


def test_a_long_sound_has_the_peak_of_its_parts() -> None:
    # It is looked at in pieces; where one is cut out of the sound there is no peak.
    tone = faded(sine(RATE / 4, -6, seconds=3.0, phase=np.pi / 4), 0.1, 0.1)
    short = faded(sine(RATE / 4, -6, seconds=0.5, phase=np.pi / 4), 0.1, 0.1)
    assert tone.frames > 2 * PIECE_FRAMES > 2 * short.frames
    assert true_peak(tone) == pytest.approx(true_peak(short), rel=1e-4)  # of both fades


def test_the_gain_reaches_the_target() -> None:
    quiet = sine(1000, -30)
    gain = gain_to_target(quiet, -16.0)
    louder = with_gain({"mix": quiet}, gain)["mix"]
    assert measure_loudness(louder).lufs == pytest.approx(-16.0, abs=0.1)


def test_the_ceiling_comes_first() -> None:
    samples = sine(1000, -40).samples.copy()
    samples[:, 5000:5040] = 0.5 * np.hanning(40)  # one peak at -6 dBFS
    gain = gain_to_target(Clip(samples, RATE), -14.0)
    assert gain == pytest.approx(5.0, abs=0.1)  # up to -1 dBTP and no further


def test_stems_still_add_up_after_the_gain() -> None:
    stems = {"bass": sine(80, -20), "melody": sine(440, -25)}
    both = with_gain(stems, 4.3)
    mix = stems["bass"].samples + stems["melody"].samples
    wanted = with_gain({"mix": Clip(mix, RATE)}, 4.3)["mix"].samples
    left = wanted.astype(np.float64) - both["bass"].samples - both["melody"].samples
    assert np.abs(left).max() < 1e-6  # float32 rounding of samples under 0.3


def test_silence_is_left_alone() -> None:
    silence = Clip(np.zeros((2, RATE), np.float32), RATE)
    assert measure_loudness(silence).lufs == -200
    assert gain_to_target(silence) == 0


@pytest.mark.parametrize("target", [-50.0, 0.0])
def test_a_target_out_of_range_is_refused(target: float) -> None:
    with pytest.raises(AudioError, match="LUFS"):
        gain_to_target(sine(1000, -20), target)


def test_fades_that_do_not_fit_are_refused() -> None:
    with pytest.raises(AudioError, match="fades"):
        faded(sine(1000, -20, seconds=1.0), 0.6, 0.6)


def test_a_peak_under_what_is_known_already_is_not_looked_for() -> None:
    # A quarter of the rate, 45 degrees off: samples at 0.707 of the peak of 0.8.
    phase = np.pi / 2 * np.arange(4800) + np.pi / 4
    clip = Clip(np.tile(0.8 * np.sin(phase), (2, 1)).astype(np.float32), 48_000)
    assert true_peak(clip, at_least=0.5) == pytest.approx(0.8, rel=0.02)
    assert true_peak(clip, at_least=1.5) == 1.5
