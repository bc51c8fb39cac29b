"""The energy curve is high where much goes on, and low where little does."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clip import Clip
from audio.energy import energy_curve
from audio.errors import AudioError

RATE = 22_050


def test_loud_and_busy_is_more_than_soft_and_still() -> None:
    time = np.arange(12 * RATE) / RATE
    hum = 0.01 * np.sin(2 * np.pi * 150 * time)
    # From 4 to 8 s "syllables": five bursts a second, forty times as loud.
    burst = np.exp(-30 * (time % 0.2)) * np.sin(2 * np.pi * 300 * time)
    sound = hum + 0.4 * burst * ((time >= 4) & (time < 8))
    points = energy_curve(Clip(sound.astype(np.float32)[None], RATE), smooth_seconds=0.5)
    assert list(points) == list(range(12))
    values = list(points.values())
    assert min(values[5:7]) > 0.8
    assert max(*values[:3], *values[10:]) < 0.55  # the hum lies 32 dB down
    assert 0 <= min(values) and max(values) <= 1


def test_silence_has_no_energy() -> None:
    points = energy_curve(Clip(np.zeros((1, 3 * RATE), np.float32), RATE))
    assert points == {0.0: 0.0, 1.0: 0.0, 2.0: 0.0}


@pytest.mark.parametrize("options", [{"every_seconds": 0.0}, {"smooth_seconds": 60.0}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(AudioError, match="must be from"):
        energy_curve(Clip(np.zeros((1, RATE), np.float32), RATE), **options)
