"""Musical time: what a musician counts by hand must come out exactly."""

from __future__ import annotations

import pickle
import sys
from fractions import Fraction
from itertools import pairwise

import pytest

from midi.errors import GridError
from midi.grid import Grid, Meter, MeterChange, TempoPoint

FOUR = (MeterChange(0, Meter(4, 4)),)


def ramp(first: int, last: int, beats: int, bars: int = 8) -> Grid:
    return Grid(bars, (TempoPoint(0, first, True), TempoPoint(beats, last)), FOUR)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bpm", "meter", "bars", "rate", "frames"),
    [
        # 8 bars x 4 quarters x 60 / 120 = 16 s
        (120, "4/4", 8, 48_000, 768_000),
        # 8 x 7/2 = 28 quarters; 28 x 60 x 48000 / 61.7 = 1306969.2...
        (61.7, "7/8", 8, 48_000, 1_306_969),
        # 4 x 3 = 12 quarters; 12 x 60 x 44100 / 92.5 = 343264.86...
        (92.5, "6/8", 4, 44_100, 343_265),
        # 3 x 5 = 15 quarters; 15 x 60 x 48000 / 174 = 248275.86...
        (174, "5/4", 3, 48_000, 248_276),
        # 2 x 6 = 12 quarters at 133.33: 12 x 60 x 44100 / 133.33 = 238145.95...
        ("133.33", "12/8", 2, 44_100, 238_146),
        # 1 x 1/8 quarter at 400: 0.125 x 60 x 48000 / 400 = 900
        (400, "1/32", 1, 48_000, 900),
    ],
)
def test_length_in_frames_is_bars_times_quarters_times_sixty_over_bpm(
    bpm: float | str, meter: str, bars: int, rate: int, frames: int
) -> None:
    assert Grid.constant(bpm, meter, bars).frames(rate) == frames


def test_a_beat_is_a_quarter_whatever_the_meter() -> None:
    # One bar of 6/8 is three quarters: at 60 quarters a minute, 3 s and not 6.
    assert Grid.constant(60, "6/8", 1).seconds == 3


def test_a_float_tempo_is_the_decimal_it_is_written_as() -> None:
    assert Grid.constant(61.7).tempo[0].bpm == Fraction(617, 10)


def test_bar_starts_do_not_add_up_rounding_errors() -> None:
    # 61.7 bpm, 7/8: bar n begins at n x 3.5 x 60 x 48000 / 61.7 frames, each rounded alone.
    grid = Grid.constant(61.7, "7/8", 100)
    for bar, beat in enumerate(grid.bar_starts):
        true = Fraction(bar * 35 * 6 * 48_000 * 10, 617)
        assert abs(grid.frame_at(beat, 48_000) - true) <= Fraction(1, 2)


def test_half_a_frame_goes_to_the_later_frame() -> None:
    # 60 bpm at 8000 Hz: beat 1/16000 is frame 0.5, beat 3/16000 frame 1.5.
    grid = Grid.constant(60)
    assert grid.frame_at(Fraction(1, 16_000), 8000) == 1
    assert grid.frame_at(Fraction(3, 16_000), 8000) == 2


def test_tempo_steps_count_each_at_its_own_tempo() -> None:
    # 4 quarters at 60 last 4 s, 4 more at 120 last 2 s.
    grid = Grid(
        2, (TempoPoint(Fraction(0), Fraction(60)), TempoPoint(Fraction(4), Fraction(120))), FOUR
    )
    assert grid.seconds_at(4) == 4
    assert grid.seconds == 6
    assert grid.beat_at(5) == 6
    assert (grid.bpm_at(Fraction(399, 100)), grid.bpm_at(4)) == (60, 120)


def test_a_ramp_moves_linearly_in_time() -> None:
    # 60 to 120 over 16 quarters: mean 90, so 16 x 60 / 90 = 32/3 s. Half-way in time the tempo
    # is 90, and (60 + 90) / 2 / 60 x 16/3 s = 20/3 quarters have passed.
    grid = ramp(60, 120, 16)
    assert grid.seconds_at(16) == Fraction(32, 3)
    assert grid.beat_at(Fraction(16, 3)) == Fraction(20, 3)
    assert grid.bpm_at(Fraction(20, 3)) == 90
    assert grid.seconds_at(Fraction(20, 3)) == Fraction(16, 3)  # a rational root: exact


def test_a_falling_ramp_is_the_rising_one_backwards() -> None:
    rising, falling = ramp(60, 120, 16), ramp(120, 60, 16)
    for beat in range(17):
        mirrored = Fraction(32, 3) - falling.seconds_at(16 - beat)
        assert abs(rising.seconds_at(beat) - mirrored) < Fraction(1, 2**58)


def test_time_and_beat_are_each_others_inverse_over_steps_and_ramps() -> None:
    points = [(0, 90, True), (5, 140, False), (9, 61.7, True), (11, 200, True), (40, 20, False)]
    grid = Grid(12, tuple(TempoPoint(*point) for point in points), FOUR)  # type: ignore[arg-type]
    for numerator in range(-50, 600):
        beat = Fraction(numerator, 11)
        assert abs(grid.beat_at(grid.seconds_at(beat)) - beat) < Fraction(1, 2**50)


def test_time_never_runs_backwards_under_a_tempo_map() -> None:
    grid = Grid(12, (*ramp(400, 20, 7).tempo, TempoPoint(Fraction(8), Fraction(333))), FOUR)
    times = [grid.seconds_at(Fraction(n, 16)) for n in range(48 * 16)]
    assert all(after > before for before, after in pairwise(times))


def test_a_ramp_may_aim_past_the_end() -> None:
    # Half of a ramp from 60 to 120 in 32 quarters: tempo after 16 is sqrt((60^2 + 120^2) / 2).
    grid = ramp(60, 120, 32, bars=4)
    assert grid.bpm_at(16) == pytest.approx((9000) ** 0.5, abs=1e-9)
    assert not grid.is_constant


def test_the_first_and_last_tempo_go_on_outside_the_grid() -> None:
    grid = ramp(60, 120, 32)
    assert grid.seconds_at(-1) == -1
    assert grid.seconds_at(34) - grid.seconds_at(32) == 1


def test_meters_change_the_bars_and_not_the_beats() -> None:
    # 2 bars of 4/4, 2 of 7/8, 1 of 3/4: 0 4 8 11.5 15 18
    meters = (*FOUR, MeterChange(2, Meter(7, 8)), MeterChange(4, Meter(3, 4)))
    grid = Grid(5, (TempoPoint(Fraction(0), Fraction(120)),), meters)
    assert [float(start) for start in grid.bar_starts] == [0, 4, 8, 11.5, 15, 18]
    assert grid.seconds == 9
    assert [str(grid.meter_at_bar(bar)) for bar in range(5)] == ["4/4", "4/4", "7/8", "7/8", "3/4"]
    assert [grid.bar_at(Fraction(beat)) for beat in (0, 4, 11, 15, 18, 99, -1)] == [
        0,
        1,
        2,
        4,
        4,
        4,
        0,
    ]
    assert not grid.is_constant


def test_a_tempo_repeated_is_still_constant() -> None:
    points = (TempoPoint(Fraction(0), Fraction(90)), TempoPoint(Fraction(4), Fraction(90)))
    assert Grid(4, points, FOUR).is_constant
    late = (TempoPoint(Fraction(0), Fraction(90)), TempoPoint(Fraction(16), Fraction(99)))
    assert Grid(4, late, FOUR).is_constant  # it changes where the grid ends


def test_a_grid_travels_to_another_process_whole() -> None:
    grid = ramp(60, 120, 16)
    assert pickle.loads(pickle.dumps(grid)).seconds_at(5) == grid.seconds_at(5)


def test_the_longest_and_shortest_grids_are_allowed() -> None:
    assert Grid.constant(120, "4/4", 300).seconds == 600
    assert Grid.constant(400, "1/32", 32_000).seconds == 600
    assert Grid.constant(20, "32/1", 1).seconds == 384


@pytest.mark.parametrize(
    ("bpm", "shown"),
    [
        (0, "0"), (-1, "-1"), (19.999, "19.999"), (400.001, "400.001"), (1e9, "1000000000.0"),
        (float("nan"), "nan"), (float("inf"), "inf"), ("fast", "'fast'"), ("1e9", "'1e9'"),
        ("1e999999999", "'1e999999999'"), ("", "''"), (True, "True"), (None, "None"),
        ("1/0", "'1/0'"), ("9" * 5000, "'999"),
    ],
)  # fmt: skip
def test_a_tempo_that_cannot_be_names_field_value_and_limit(bpm: float, shown: str) -> None:
    with pytest.raises(GridError, match=r"^bpm must be a number from 20 to 400, not ") as error:
        Grid.constant(bpm)
    assert shown in str(error.value)
    assert len(str(error.value)) < 100


@pytest.mark.parametrize(
    "bars", [0, -1, 32_001, pytest.param(10**5000, id="huge"), 1.5, True, "8", None]
)
def test_a_number_of_bars_that_cannot_be_names_field_value_and_limit(bars: int) -> None:
    with pytest.raises(GridError, match=r"^bars must be a whole number from 1 to 32000, not "):
        Grid.constant(120, "4/4", bars)


def test_more_than_ten_minutes_is_refused_with_the_length() -> None:
    with pytest.raises(GridError, match=r"bars 301 last 602 s at 120 bpm; the limit is 600 s"):
        Grid.constant(120, "4/4", 301)


@pytest.mark.parametrize("text", ["2/4", "3/4", "4/4", "5/4", "6/8", "7/8", "12/8", "32/32", "1/1"])
def test_a_meter_prints_back_as_it_was_written(text: str) -> None:
    assert str(Meter.parse(text)) == text


@pytest.mark.parametrize("text", ["0/4", "33/4", "4/3", "4/64", "4/0"])
def test_a_meter_out_of_range_says_which_part(text: str) -> None:
    with pytest.raises(GridError, match=r"^meter (numerator|denominator) must be .*, not \d+$"):
        Meter.parse(text)


@pytest.mark.parametrize(
    "text", ["", "4", "4/4/4", "-4/4", "four/four", "4.0/4", "²/4", "9" * 9999]
)
def test_a_meter_that_is_none_shows_how_to_write_one(text: str) -> None:
    with pytest.raises(GridError, match=r"^meter must be written like 4/4 or 7/8, not '"):
        Meter.parse(text)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "tempo map must begin at beat 0"),
        ([(1, 120)], "tempo map must begin at beat 0"),
        ([(0, 120), (4, 90), (4, 100)], "tempo map must ascend: beat 4 follows beat 4"),
        ([(0, 120), (4, 90), (3, 100)], "tempo map must ascend: beat 3 follows beat 4"),
        ([(n, 120) for n in range(4097)], "tempo map has 4097 entries; the limit is 4096"),
    ],
)
def test_a_tempo_map_out_of_order_is_refused(points: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(GridError, match=message):
        Grid(8, tuple(TempoPoint(Fraction(b), Fraction(bpm)) for b, bpm in points), FOUR)


def test_a_meter_change_past_the_last_bar_is_refused() -> None:
    with pytest.raises(GridError, match=r"meter change at bar 8 .* past the last bar, 7"):
        Grid(8, (TempoPoint(Fraction(0), Fraction(120)),), (*FOUR, MeterChange(8, Meter(3, 4))))


@pytest.mark.parametrize("beat", [float("nan"), float("inf"), "x", None])
def test_a_position_that_is_no_number_is_refused(beat: float) -> None:
    with pytest.raises(GridError, match="position must be a finite number"):
        Grid.constant(120).seconds_at(beat)


def test_a_grid_that_is_too_long_is_refused_before_its_bars_are_made() -> None:
    """32000 bars of 4/4 would be as many fractions; the work done is that of a single bar."""
    steps = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += event == "call"

    sys.setprofile(count)
    try:
        with pytest.raises(GridError, match="the limit is 600 s"):
            Grid.constant(120, "4/4", 32_000)
    finally:
        sys.setprofile(None)
    assert steps < 500
