"""A recording of whole bars that begins with a sound is a loop, and its ends are its beats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from audio.clip import Clip
from audio.conform import conform
from audio.errors import CannotConform
from audio.features import OnsetEnvelope
from audio.whole_loop import find_whole_loop
from midi.grid import Grid

Band = Callable[..., dict[str, Clip]]
Mixed = Callable[[dict[str, Clip]], Clip]
GRID = Grid.constant(120, bars=1)


def starts_at(times: list[float], seconds: float) -> OnsetEnvelope:
    """Notes that surely start at these times, in steps of 6 ms."""
    steps = np.arange(0, seconds, 0.006)
    values = np.zeros(len(steps))
    for time in times:
        values = np.maximum(values, np.exp(-0.5 * ((steps - time) / 0.006) ** 2))
    return OnsetEnvelope(values, steps)


@pytest.mark.parametrize("percent", [-1.5, 0.0, 1.5])
def test_a_bar_of_eighths_as_long_as_asked_is_a_loop(percent: float) -> None:
    seconds = 2.0 * (1 + percent / 100)  # a bar of 120 bpm is 2 s
    loop = find_whole_loop(starts_at([n * seconds / 8 for n in range(8)], seconds), seconds, GRID)
    assert loop is not None
    assert (loop.beats, loop.seconds) == (4, seconds)


def test_another_length_or_other_notes_are_no_loop() -> None:
    eighths = [n / 4 for n in range(8)]
    assert find_whole_loop(starts_at(eighths, 2.1), 2.1, GRID) is None  # 5 % too long
    between = [time + 0.0625 for time in eighths]  # half a sixteenth late, all of them
    assert find_whole_loop(starts_at(between, 2.0), 2.0, GRID) is None
    fives = [n * 0.4 for n in range(5)]  # five beats in the time of four
    assert find_whole_loop(starts_at(fives, 2.0), 2.0, GRID) is None


def test_one_bar_of_a_band_is_on_its_grid_from_end_to_end(band: Band, mixed: Mixed) -> None:
    whole = mixed(band(lambda beat: beat * 60 / 118, 2))
    frames = round(4 * 60 / 118 * 44_100)
    one = Clip(np.ascontiguousarray(whole.samples[:, :frames]), 44_100)
    done = conform(one, GRID, loop=True)
    assert done.facts.frames == done.mix.frames == 2 * 44_100
    assert done.facts.first_downbeat_seconds == 0
    # 118 to 120 bpm is 1.67 % shorter.
    assert done.facts.most_stretch_percent == pytest.approx(-1.667, abs=0.01)


def test_a_seamless_loop_that_is_exact_keeps_every_sample(band: Band, mixed: Mixed) -> None:
    whole = mixed(band(lambda beat: beat / 2, 2))
    one = Clip(np.ascontiguousarray(whole.samples[:, 88_200:176_400]), 44_100)
    done = conform(one, GRID, loop=True)
    assert done.facts.untouched
    # Only where the wrap would click may a millisecond at either end differ.
    assert np.array_equal(done.mix.samples[:, 45:-45], one.samples[:, 45:-45])


def test_half_a_bar_is_not_made_a_whole_one(band: Band, mixed: Mixed) -> None:
    whole = mixed(band(lambda beat: beat / 2, 2))
    half = Clip(np.ascontiguousarray(whole.samples[:, :44_100]), 44_100)
    with pytest.raises(CannotConform):
        conform(half, GRID, loop=True)
