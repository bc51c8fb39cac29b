"""What stems leave of a mix, where that is known."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clip import Clip
from audio.residue import adds_up, null_dbfs, residue


def constant(level: float) -> Clip:
    return Clip(np.full((2, 100), level, np.float32), 48_000)


def test_stems_that_add_up_leave_nothing() -> None:
    assert null_dbfs(constant(0.75), [constant(0.5), constant(0.25)]) == -200.0


def test_what_is_missing_is_left_in_double_precision() -> None:
    left = residue(constant(0.75).samples, [constant(0.5).samples])
    assert left.dtype == np.float64 and (left == 0.25).all()
    assert null_dbfs(constant(0.75), [constant(0.5)]) == pytest.approx(-12.0412, abs=1e-4)


def test_a_millionth_of_the_peak_is_rounding_and_more_is_not() -> None:
    assert adds_up(1e-6, 0.5) and adds_up(4e-6, 4.0)
    assert not adds_up(1.1e-6, 0.5)
