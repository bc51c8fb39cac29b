"""An examination puts all measures together and goes into JSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audio.clip import Clip
from audio.examination import examine
from midi.grid import Grid
from midi.key import Key


def test_a_late_band_is_placed_and_its_key_scored(
    band: Callable[..., dict[str, Clip]], mixed: Callable[[dict[str, Clip]], Clip]
) -> None:
    mix = mixed(band(lambda beat: 0.02 + beat / 2, 6))  # 20 ms late at 120 bpm
    found = examine(mix, Grid.constant(120, bars=6), Key.parse("C major"))
    assert found.placement is not None
    assert found.placement.doubt == ""
    assert found.placement.median_ms == pytest.approx(20, abs=3)
    assert found.placement.drift_percent < 0.5
    # Bars of two seconds: 0.02, 2.02, ...
    assert found.placement.downbeats_seconds == pytest.approx(
        [0.02 + 2 * bar for bar in range(6)], abs=0.004
    )
    assert found.key_score is not None and found.key_score > 0.6
    assert found.loudness.lufs is not None and -40 < found.loudness.lufs < 0
    assert found.bpm == pytest.approx(120, rel=0.001)
