"""The report: what is asked beside what is measured, and nothing where nothing can be told."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from audio.clip import Clip, resample_fast
from audio.errors import AudioError
from audio.examination import measure
from midi.grid import Grid
from midi.key import Key

Build = Callable[..., Clip]
CADENCE = [(45, 57, 60, 64), (50, 57, 62, 65), (40, 56, 59, 64), (45, 57, 60, 64)] * 2  # A minor


def mixed(one: Clip, other: Clip) -> Clip:
    frames = min(one.frames, other.frames)
    return Clip(one.samples[:, :frames] + other.samples[:, :frames], one.sample_rate)


def test_a_band_on_the_grid_is_reported_as_asked(clicks: Build, chords: Build) -> None:
    # Chords each second and clicks each half: 120 bpm, 8 s, four bars.
    grid = Grid.constant(120, "4/4", 4)
    drums = clicks([beat / 2 for beat in range(16)], grid)
    report = measure(mixed(drums, chords(CADENCE)), grid, Key.parse("A minor"), drums=drums)
    assert report.bpm == pytest.approx(120, rel=5e-4)
    assert report.octave_relation == "1"
    assert report.bpm_error_percent == pytest.approx(0, abs=0.05)
    assert report.beat_offset_ms == pytest.approx(0, abs=2.5)
    assert len(report.beats_seconds) == 16
    assert (report.key, report.key_asked, report.key_relation) == ("A minor", "A minor", "same")
    assert report.frames == report.frames_expected == 8 * 44_100


def test_a_band_at_another_tempo_and_key_is_reported_as_it_is(clicks: Build, chords: Build) -> None:
    made, asked = Grid.constant(118, "4/4", 4), Grid.constant(120, "4/4", 4)
    played = clicks([float(made.seconds_at(beat)) for beat in range(16)], made)
    report = measure(mixed(played, chords(CADENCE)), asked, Key.parse("C major"))
    assert report.bpm == pytest.approx(118, rel=1e-3)
    # 118 / 120 = -1.667 %: too far off for beats to stay beside the grid's.
    assert report.bpm_error_percent == pytest.approx(-1.667, abs=0.1)
    assert report.beat_offset_ms is None
    assert (report.key, report.key_relation) == ("A minor", "relative")


def test_half_the_tempo_is_reported_with_its_octave(clicks: Build) -> None:
    asked = Grid.constant(160, "4/4", 8)
    report = measure(clicks([0.75 * n for n in range(16)], asked), asked, None)
    assert report.bpm == pytest.approx(80, rel=1e-3)
    assert (report.octave_relation, report.key_asked) == ("1/2", None)
    assert report.bpm_error_percent == pytest.approx(0, abs=0.1)


def test_six_eight_in_dotted_quarters_is_two_thirds(clicks: Build) -> None:
    grid = Grid.constant(135, "6/8", 8)  # 24 quarters: 16 dotted quarters at 90
    times = [float(grid.seconds_at(Fraction(3 * n, 2))) for n in range(16)]
    report = measure(clicks(times, grid), grid, None)
    assert report.octave_relation == "2/3"
    assert report.beat_offset_ms == pytest.approx(0, abs=2.5)


def test_silence_is_reported_without_figures() -> None:
    grid = Grid.constant(120, "4/4", 1)
    silence = Clip(np.zeros((2, grid.frames(48_000)), np.float32), 48_000)
    report = measure(silence, grid, Key.parse("C"), drums=silence)
    assert (report.bpm, report.octave_relation, report.beat_offset_ms) == (None, None, None)
    assert (report.key, report.key_relation, report.beats_seconds) == (None, None, ())
    assert report.peak_dbfs == -200


@pytest.mark.parametrize("frames", [1, 100, 5000, 60_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_shortest_clips_are_measured_without_complaint(frames: int, channels: int) -> None:
    noise = np.random.default_rng(frames).normal(0, 0.1, (channels, frames)).astype(np.float32)
    report = measure(Clip(noise, 48_000), Grid.constant(120, "4/4", 1), Key.parse("C"))
    assert (report.frames, report.frames_expected) == (frames, 96_000)


def test_the_peak_is_in_decibels_of_full_scale() -> None:
    # 0.5 is -6.0206 dBFS.
    clip = Clip(np.full((2, 48_000), -0.5, np.float32), 48_000)
    report = measure(clip, Grid.constant(120, "4/4", 1), None)
    assert report.peak_dbfs == pytest.approx(-6.0206, abs=1e-4)


def test_stems_of_another_shape_than_the_mix_are_refused() -> None:
    mix, short = (Clip(np.zeros((2, frames), np.float32), 48_000) for frames in (100, 99))
    with pytest.raises(AudioError, match="drums must have the mix's rate and shape"):
        measure(mix, Grid.constant(120), None, drums=short)


@pytest.mark.parametrize("rate", [8_000, 96_000, 192_000])
def test_low_and_high_rates_are_measured_as_well(clicks: Build, rate: int) -> None:
    grid = Grid.constant(120, "4/4", 4)  # 8 s
    found = measure(resample_fast(clicks([beat / 2 for beat in range(16)], grid), rate), grid, None)
    assert found.bpm == pytest.approx(120, rel=5e-4)
    assert found.beat_offset_ms == pytest.approx(0, abs=2.5)


def test_channels_that_cancel_in_mono_are_heard(clicks: Build) -> None:
    grid = Grid.constant(120, "4/4", 4)
    one = clicks([beat / 2 for beat in range(16)], grid)
    opposed = Clip(one.samples[:1] * np.array([[1], [-1]], np.float32), one.sample_rate)
    assert measure(opposed, grid, None).bpm == pytest.approx(120, rel=5e-4)
