"""Beats that slip by half beats are found, with the place; drifting and stepping ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from audio.features import Floats
from audio.slips import find_slip

EXPECTED = np.arange(120) * 0.5


def slipping(pulses: float, first: int, count: int) -> Floats:
    """Pulses that fall behind by so many in the course of `count`, from the `first` on."""
    late = np.clip((np.arange(len(EXPECTED)) - first) / count, 0, 1) * pulses * 0.5
    return np.asarray(EXPECTED + late)


@pytest.mark.parametrize(("pulses", "count"), [(0.5, 8), (-0.5, 12), (1.0, 24)])
def test_a_slip_by_half_beats_is_found_where_it_is(pulses: float, count: int) -> None:
    slip = find_slip(slipping(pulses, 60, count), EXPECTED)
    assert slip is not None
    assert slip.pulses == pulses
    assert slip.seconds == pytest.approx(30 + count / 4, abs=4)  # it lasts count / 2 seconds


def test_a_steady_a_drifting_and_a_stepping_band_do_not_slip() -> None:
    counted = np.arange(len(EXPECTED))
    assert find_slip(EXPECTED * 1.013 + 0.4, EXPECTED) is None
    drifting = EXPECTED + 0.3 * np.sin(2 * np.pi * counted / len(counted))
    assert find_slip(drifting, EXPECTED) is None
    stepping = EXPECTED + 0.5 * 0.02 * np.maximum(0, counted - 60)
    assert find_slip(stepping, EXPECTED) is None


def test_a_band_that_slows_down_and_comes_back_anywhere_does_not_slip() -> None:
    assert find_slip(slipping(0.3, 60, 12), EXPECTED) is None
