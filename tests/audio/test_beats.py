"""Beats and the first downbeat of recordings that are early, late, drifting or no music at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from audio.beat_path import find_path
from audio.beats import MAX_BESIDE, find_beats
from audio.clip import Clip
from audio.features import extract_features
from audio.pulse import pulse_of
from midi.grid import Grid, Meter, MeterChange, TempoPoint

Band = Callable[..., dict[str, Clip]]
Mixed = Callable[[dict[str, Clip]], Clip]


def steady(bpm: float, late: float = 0.0) -> Callable[[float], float]:
    return lambda beat: late + beat * 60 / bpm


@pytest.mark.parametrize(("percent", "late"), [(0.0, 0.0), (-4.0, 0.43), (5.0, 0.9)])
def test_a_steady_error_and_a_late_start_are_found_to_the_millisecond(
    band: Band, mixed: Mixed, percent: float, late: float
) -> None:
    at = steady(120 * (1 + percent / 100), late)
    beats = find_beats(mixed(band(at, 8)), Grid.constant(120, bars=8))
    assert beats is not None
    assert beats.doubt == ""
    wanted = np.array([at(beat) for beat in beats.beats[:32]])
    # An attack is found within a millisecond or so; 3 ms leave room for the overlapping bass.
    assert np.abs(beats.seconds[:32] - wanted).max() < 0.003


def test_a_tempo_step_stays_a_step(band: Band, mixed: Mixed) -> None:
    def at(beat: float) -> float:  # 120 bpm for four bars, then 117: 0.5 and 0.5128 s a beat
        return 0.2 + min(beat, 16) * 60 / 120 + max(beat - 16, 0) * 60 / 117

    beats = find_beats(mixed(band(at, 8)), Grid.constant(120, bars=8))
    assert beats is not None
    assert beats.doubt == ""
    wanted = np.array([at(beat) for beat in beats.beats[:32]])
    assert np.abs(beats.seconds[:32] - wanted).max() < 0.005


def test_a_drift_is_followed(band: Band, mixed: Mixed) -> None:
    def at(beat: float) -> float:  # 2 % to either side over 32 beats
        return beat / 2 + 0.02 * 0.5 * 32 / (2 * np.pi) * np.sin(2 * np.pi * beat / 32)

    beats = find_beats(mixed(band(at, 8)), Grid.constant(120, bars=8))
    assert beats is not None
    assert beats.doubt == ""
    wanted = np.array([at(beat) for beat in beats.beats[:32]])
    assert np.abs(beats.seconds[:32] - wanted).max() < 0.006


def test_a_tempo_map_is_expected_not_fought(band: Band, mixed: Mixed) -> None:
    grid = Grid(8, (TempoPoint(0, 100, True), TempoPoint(32, 140)), (MeterChange(0, Meter(4, 4)),))
    beats = find_beats(mixed(band(lambda beat: float(grid.seconds_at(beat)), 8)), grid)
    assert beats is not None
    assert beats.doubt == ""
    wanted = np.array([float(grid.seconds_at(beat)) for beat in beats.beats[:32]])
    assert np.abs(beats.seconds[:32] - wanted).max() < 0.003


def test_swung_music_without_drums_is_not_taken_for_its_off_beats(band: Band) -> None:
    """Quarters at 120 bpm, swung: every off-beat two thirds of a beat in, a little softer."""

    def at(beat: float) -> float:
        whole = int(beat // 1)
        return (whole + (2 / 3 if beat % 1 else 0)) / 2

    frames = band(steady(120), 8)["melody"].frames
    sound = np.random.default_rng(6).normal(0, 1e-4, (2, frames)).astype(np.float32)
    since = np.arange(9000) / 44_100
    for half in range(64):
        hertz = 110 * 2 ** ((half * 5 % 12) / 12) * (0.5 if half % 8 == 0 else 1)
        first = round(at(half / 2) * 44_100)
        level = 0.12 if half % 2 else 0.2
        note = level * np.sin(2 * np.pi * hertz * since) * np.exp(-9 * since)
        sound[:, first : first + 9000] += note.astype(np.float32)[: frames - first]
    grid, features = Grid.constant(120, bars=8), extract_features(Clip(sound, 44_100))
    assert features is not None
    # Its harmony says nothing of the bars, so that the beats are asked for before these are sought.
    path = find_path(features.onsets, grid)
    assert path is not None
    assert path.swung
    # In beats of 500 ms; an off-beat lies 0.67 in.
    assert np.abs(np.median((path.seconds / 0.5 + 0.5) % 1 - 0.5)) < 0.04


def test_sixteenths_beside_the_beats_hide_them_only_where_they_are_as_strong() -> None:
    """Clicks at 120 bpm on every beat and a sixteenth after it: of one level, or much softer."""
    beside = {}
    for level in (0.3, 0.02):
        draw = np.random.default_rng(8)
        sound = draw.normal(0, 1e-4, (2, 16 * 44_100)).astype(np.float32)
        click = draw.normal(0, 1, 400) * np.exp(-np.arange(400) / 80)
        for sixteenth in range(0, 126):
            if sixteenth % 4 < 2:
                first = round((0.1 + sixteenth / 8) * 44_100)  # eight sixteenths a second
                sound[:, first : first + 400] += (0.3, level)[sixteenth % 4] * click
        features, grid = extract_features(Clip(sound, 44_100)), Grid.constant(120, bars=8)
        assert features is not None
        path = find_path(features.onsets, grid)
        assert path is not None
        beside[level] = path.beside
    assert beside[0.3] > MAX_BESIDE > beside[0.02]


def test_beats_know_how_uncertain_they_are(band: Band, mixed: Mixed) -> None:
    beats = find_beats(mixed(band(steady(120), 8)), Grid.constant(120, bars=8))
    assert beats is not None
    assert 0 < beats.line.error_seconds[0] < 0.003
    assert 0 < beats.error_seconds < 0.003


@pytest.mark.parametrize(("played", "asked"), [(136, 120), (120, 90), (120, 160), (120, 180)])
def test_another_tempo_is_doubted(band: Band, mixed: Mixed, played: int, asked: int) -> None:
    beats = find_beats(mixed(band(steady(played), 8)), Grid.constant(asked, bars=6))
    assert beats is None or beats.doubt != ""


@pytest.mark.parametrize("hertz", [55.0, 220.0])
def test_a_tone_that_only_swells_and_fades_has_no_beats(hertz: float) -> None:
    since = np.arange(6 * 44_100) / 44_100
    tone = 0.3 * np.hanning(len(since)) * np.sin(2 * np.pi * hertz * since)
    beats = find_beats(Clip(tone.astype(np.float32)[None], 44_100), Grid.constant(120, bars=3))
    assert beats is None or beats.doubt != ""


def test_noise_is_doubted() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, (2, 10 * 44_100)).astype(np.float32)
    beats = find_beats(Clip(noise, 44_100), Grid.constant(120, bars=4))
    assert beats is None or beats.doubt != ""


def test_clicks_at_random_are_doubted(clicks: Callable[..., Clip]) -> None:
    grid = Grid.constant(120, bars=8)
    times = np.sort(np.random.default_rng(5).uniform(0, 16, 40))
    beats = find_beats(clicks(times, grid, accents=3), grid)
    assert beats is None or beats.doubt != ""


def test_silence_has_no_beats() -> None:
    silence = Clip(np.zeros((2, 44_100 * 4), np.float32), 44_100)
    assert find_beats(silence, Grid.constant(120, bars=2)) is None


@pytest.mark.parametrize(
    ("meter", "pulse", "parts"),
    [("4/4", 1, 4), ("3/4", 1, 4), ("6/8", 1.5, 3), ("12/8", 1.5, 3), ("7/8", 0.5, 2)],
)
def test_pulses_fill_whole_bars(meter: str, pulse: float, parts: int) -> None:
    assert pulse_of(Grid.constant(120, meter, 4)) == (pulse, parts)


def test_pulses_of_mixed_meters_fill_all_of_them() -> None:
    meters = (MeterChange(0, Meter(4, 4)), MeterChange(2, Meter(7, 8)))
    assert pulse_of(Grid(4, (TempoPoint(0, 120),), meters)) == (0.5, 2)
