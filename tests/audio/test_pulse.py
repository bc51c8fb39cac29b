"""Tempo and beats of clicks put where we know: the figure must be the sound's, not the wish's."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from audio.clip import Clip
from audio.features import onset_envelope
from audio.pulse import Pulse, beat_offset_seconds, felt_beats, find_pulse
from midi.grid import Grid, Meter, MeterChange, TempoPoint

Build = Callable[..., Clip]


def pulse_of(clip: Clip, grid: Grid) -> Pulse | None:
    envelope = onset_envelope(clip)
    return find_pulse(envelope, grid) if envelope else None


def bpm_of(clip: Clip, grid: Grid) -> float:
    pulse = pulse_of(clip, grid)
    assert pulse is not None
    return pulse.rate * grid.bpm


@pytest.mark.parametrize("bpm", [61.7, 92.5, 118, 120, 174])
def test_clicks_have_the_tempo_they_were_made_at(clicks: Build, bpm: float) -> None:
    grid = Grid.constant(bpm, "4/4", 8)
    clip = clicks([float(grid.seconds_at(beat)) for beat in range(32)], grid)
    assert bpm_of(clip, grid) == pytest.approx(bpm, rel=2e-4)  # 0.02 %


@pytest.mark.parametrize("asked", [120, 100, 90, 130, 160])
def test_a_wish_does_not_pull_the_figure(clicks: Build, asked: float) -> None:
    made = Grid.constant(118, "4/4", 8)
    clip = clicks([float(made.seconds_at(beat)) for beat in range(32)], made)
    assert bpm_of(clip, Grid.constant(asked, "4/4", 8)) == pytest.approx(118, rel=2e-4)


@pytest.mark.parametrize(("made", "asked"), [(120, 60), (60, 120), (150, 50), (60, 180)])
def test_plain_clicks_are_heard_at_their_own_level(
    clicks: Build, made: float, asked: float
) -> None:
    grid = Grid.constant(made, "4/4", 6)
    clip = clicks([float(grid.seconds_at(beat)) for beat in range(24)], grid)
    assert bpm_of(clip, Grid.constant(asked, "4/4", 6)) == pytest.approx(made, rel=1e-3)


def test_where_beats_and_eighths_both_sound_the_asked_level_is_taken(clicks: Build) -> None:
    grid = Grid.constant(90, "4/4", 8)
    eighths = [float(grid.seconds_at(Fraction(n, 2))) for n in range(64)]
    clip = clicks(eighths, grid, accents=2)
    assert bpm_of(clip, grid) == pytest.approx(90, rel=5e-4)
    assert bpm_of(clip, Grid.constant(180, "4/4", 16)) == pytest.approx(180, rel=5e-4)


@pytest.mark.parametrize(
    "points",
    [
        [(0, 100, False), (16, 130, False)],
        [(0, 80, True), (32, 140, False)],
        [(0, 150, True), (8, 90, False), (16, 90, True), (32, 120, False)],
    ],
)
def test_under_a_tempo_map_what_keeps_to_the_grid_has_one_pulse_a_beat(
    clicks: Build, points: list[tuple[int, int, bool]]
) -> None:
    tempo = tuple(TempoPoint(Fraction(b), Fraction(bpm), ramp) for b, bpm, ramp in points)
    grid = Grid(8, tempo, (MeterChange(0, Meter(4, 4)),))
    clip = clicks([float(grid.seconds_at(beat)) for beat in range(32)], grid)
    pulse = pulse_of(clip, grid)
    assert pulse is not None
    assert pulse.rate == pytest.approx(1, rel=5e-4)


def test_a_ramp_does_not_keep_to_a_steady_grid(clicks: Build) -> None:
    tempo = (TempoPoint(Fraction(0), Fraction(80), True), TempoPoint(Fraction(32), Fraction(140)))
    grid = Grid(8, tempo, (MeterChange(0, Meter(4, 4)),))
    clip = clicks([float(grid.seconds_at(beat)) for beat in range(32)], grid)
    pulse = pulse_of(clip, Grid.constant(110, "4/4", 8))
    assert pulse is None or len(pulse.beats_seconds) < 24


def test_the_beats_heard_are_the_clicks_that_are_there(clicks: Build) -> None:
    grid = Grid.constant(100, "4/4", 8)
    played = [float(grid.seconds_at(beat)) for beat in range(32) if beat not in (5, 6, 20)]
    pulse = pulse_of(clicks(played, grid), grid)
    assert pulse is not None
    assert len(pulse.beats_seconds) == len(played) == 29
    assert np.abs(np.array(pulse.beats_seconds) - played).max() < 0.003


@pytest.mark.parametrize("late_ms", [-40, 0, 25, 80])
def test_the_offset_is_how_late_the_clicks_are(clicks: Build, late_ms: int) -> None:
    grid = Grid.constant(97, "4/4", 8)
    times = [float(grid.seconds_at(beat)) + late_ms / 1000 for beat in range(1, 32)]
    envelope = onset_envelope(clicks(times, grid))
    assert envelope is not None
    offset = beat_offset_seconds(envelope, grid)
    assert offset is not None
    # A quarter of the window's hop of 5.8 ms, and the click's attack against the mean attack.
    assert 1000 * offset == pytest.approx(late_ms, abs=2.5)


def test_an_onset_in_the_very_first_frame_is_heard(clicks: Build) -> None:
    grid = Grid.constant(120, "4/4", 4)
    pulse = pulse_of(clicks([beat / 2 for beat in range(16)], grid), grid)
    assert pulse is not None
    assert abs(pulse.beats_seconds[0]) < 0.006


def test_onsets_at_random_have_no_pulse(clicks: Build) -> None:
    grid = Grid.constant(120, "4/4", 8)
    times = np.random.default_rng(7).uniform(0, 16, 48)
    assert pulse_of(clicks(sorted(times), grid), grid) is None


def test_noise_silence_and_a_held_tone_have_no_pulse() -> None:
    grid = Grid.constant(120, "4/4", 4)
    time = np.arange(grid.frames(44_100)) / 44_100
    sounds = [
        np.zeros_like(time),
        np.random.default_rng(3).normal(0, 0.1, len(time)),
        0.5 * np.sin(2 * np.pi * 220 * time),
    ]
    for sound in sounds:
        clip = Clip(np.stack([sound, sound]).astype(np.float32), 44_100)
        assert pulse_of(clip, grid) is None


@pytest.mark.parametrize(
    ("meter", "beats"),
    [
        ("4/4", [0, 1, 2, 3]),
        ("6/8", [0, 1.5]),
        ("3/4", [0, 1, 2]),
        ("7/8", [0, 1, 2, 3]),
        ("12/8", [0, 1.5, 3, 4.5]),
        ("2/2", [0, 1, 2, 3]),
    ],
)
def test_felt_beats_are_quarters_or_dotted_quarters(meter: str, beats: list[float]) -> None:
    assert [float(beat) for beat in felt_beats(Grid.constant(120, meter, 1))] == beats


def test_felt_beats_begin_anew_in_each_bar() -> None:
    two = felt_beats(Grid.constant(120, "7/8", 2))
    assert [float(beat) for beat in two] == [0, 1, 2, 3, 3.5, 4.5, 5.5, 6.5]
