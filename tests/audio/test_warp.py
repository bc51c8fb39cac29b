"""A warp maps times both ways and knows how much it stretches."""

from __future__ import annotations

import numpy as np
import pytest

from audio.errors import AudioError
from audio.warp import Warp


def test_times_go_to_the_target_and_back() -> None:
    warp = Warp(np.array([0.5, 1.5, 2.0]), np.array([0.0, 1.1, 1.5]))
    # 1.0 lies half-way to 1.5, so at half of 1.1; outside time runs as in the source.
    assert warp.target_at(np.array([0.4, 1.0, 2.3])) == pytest.approx([-0.1, 0.55, 1.8])
    assert warp.source_at(np.array([-0.1, 0.55, 1.8])) == pytest.approx([0.4, 1.0, 2.3])


def test_the_furthest_stretch_keeps_its_sign() -> None:
    warp = Warp(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.02, 1.99]))
    assert warp.stretch_percent == pytest.approx([2.0, -3.0])
    assert max(warp.stretch_percent, key=abs) == pytest.approx(-3.0)


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ([0.0], [0.0], "2 or more"),
        ([0.0, 1.0], [0.0, 1.0, 2.0], "as many"),
        ([0.0, 0.0], [0.0, 1.0], "ascend"),
        ([0.0, np.nan], [0.0, 1.0], "finite"),
    ],
)
def test_what_is_no_warp_is_refused(source: list[float], target: list[float], word: str) -> None:
    with pytest.raises(AudioError, match=word):
        Warp(np.array(source), np.array(target))
