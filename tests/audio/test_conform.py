"""A recording is brought onto the grid to the frame, or refused with the figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from audio.beats import find_beats
from audio.clip import Clip
from audio.conform import conform
from audio.errors import AudioError, CannotConform
from audio.loop import measure_wrap
from midi.grid import Grid, Meter, MeterChange, TempoPoint

Band = Callable[..., dict[str, Clip]]
Mixed = Callable[[dict[str, Clip]], Clip]
RATE = 44_100


def at_bpm(bpm: float, late: float = 0.0) -> Callable[[float], float]:
    return lambda beat: late + beat * 60 / bpm


def off_the_grid_ms(clip: Clip, grid: Grid) -> np.ndarray:
    """How far the beats found in a conformed clip lie from the grid's."""
    beats = find_beats(clip, grid)
    assert beats is not None
    wanted = np.array([float(grid.seconds_at(beat)) for beat in beats.beats])
    inside = beats.beats < float(grid.beats)
    return 1000 * (beats.seconds - wanted)[inside]


def test_slow_and_late_stems_land_on_the_grid_and_add_up(band: Band, mixed: Mixed) -> None:
    stems = band(at_bpm(116, late=0.4), 8)
    grid = Grid.constant(120, bars=6)
    done = conform(mixed(stems), grid, stems=stems)
    # Six bars of four beats at 120 bpm: 24 x 0.5 s = 12 s.
    assert done.mix.frames == done.facts.frames == 12 * RATE
    assert done.facts.most_stretch_percent == pytest.approx(100 * (116 / 120 - 1), abs=0.2)
    assert np.abs(off_the_grid_ms(done.mix, grid)).max() < 5
    left = done.mix.samples.astype(np.float64)
    for clip in done.stems.values():
        assert clip.frames == done.facts.frames
        left -= clip.samples
    assert 20 * np.log10(max(np.abs(left).max(), 1e-12)) < -120  # asked for: -90


def test_what_stems_leave_of_the_mix_stays_in_the_mix(band: Band, mixed: Mixed) -> None:
    stems = band(at_bpm(122), 4)
    mix = mixed(stems)
    del stems["bass"]
    done = conform(mix, Grid.constant(120, bars=4), stems=stems)
    bass = done.mix.samples - done.stems["drums"].samples - done.stems["melody"].samples
    assert np.abs(bass).max() > 0.05


def test_a_recording_on_the_grid_is_left_alone_bit_for_bit(band: Band, mixed: Mixed) -> None:
    grid = Grid.constant(120, bars=4)
    stems = band(at_bpm(120), 4, tail=0.0)
    mix = mixed(stems)
    done = conform(mix, grid, stems=stems)
    assert done.warp is None
    assert np.array_equal(done.mix.samples, mix.samples)
    assert all(np.array_equal(done.stems[n].samples, stems[n].samples) for n in stems)


def test_a_steady_recording_follows_a_tempo_map(band: Band, mixed: Mixed) -> None:
    tempo = (TempoPoint(0, 118), TempoPoint(8, 122), TempoPoint(16, 120))
    grid = Grid(6, tempo, (MeterChange(0, Meter(4, 4)),))
    done = conform(mixed(band(at_bpm(120, 0.2), 7)), grid, expected=Grid.constant(120, bars=6))
    assert done.mix.frames == grid.frames(RATE)
    assert np.abs(off_the_grid_ms(done.mix, grid)).max() < 6


def test_a_tail_rings_on_after_the_last_bar(band: Band, mixed: Mixed) -> None:
    done = conform(mixed(band(at_bpm(123), 6)), Grid.constant(120, bars=4), tail_seconds=0.25)
    assert (done.facts.frames, done.facts.tail_frames) == (8 * RATE, RATE // 4)
    assert done.mix.frames == 8 * RATE + RATE // 4


def test_a_loop_wraps_without_a_click(band: Band, mixed: Mixed) -> None:
    done = conform(mixed(band(at_bpm(123, 0.3), 6)), Grid.constant(120, bars=4), loop=True)
    assert done.mix.frames == 8 * RATE
    assert not measure_wrap(done.mix.samples).clicks


def test_too_much_stretch_is_refused_with_the_figures(band: Band, mixed: Mixed) -> None:
    with pytest.raises(CannotConform, match=r"stretched by \+4\.\d %, the limit is 3 %.*125\.0"):
        conform(mixed(band(at_bpm(125), 6)), Grid.constant(120, bars=4), max_stretch_percent=3)


def test_another_tempo_is_refused_with_the_one_heard(band: Band, mixed: Mixed) -> None:
    with pytest.raises(CannotConform, match="bpm"):
        conform(mixed(band(at_bpm(138), 6)), Grid.constant(120, bars=4))


def test_too_few_bars_are_refused_with_their_number(band: Band, mixed: Mixed) -> None:
    with pytest.raises(CannotConform, match="holds 4 whole bars") as refusal:
        conform(mixed(band(at_bpm(121), 4)), Grid.constant(120, bars=8))
    assert refusal.value.bars_held == 4


def test_silence_is_refused() -> None:
    with pytest.raises(CannotConform, match="beats"):
        conform(Clip(np.zeros((2, 8 * RATE), np.float32), RATE), Grid.constant(120, bars=4))


@pytest.mark.parametrize(
    ("options", "field"),
    [({"tail_seconds": -1.0}, "tail"), ({"max_stretch_percent": 0.0}, "max-stretch")],
)
def test_options_out_of_range_are_named(options: dict[str, float], field: str) -> None:
    with pytest.raises(AudioError, match=field):
        conform(Clip(np.zeros((2, RATE), np.float32), RATE), Grid.constant(120, bars=1), **options)  # type: ignore[arg-type]
