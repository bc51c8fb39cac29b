"""Decibels of what is known, and back."""

from __future__ import annotations

import numpy as np
import pytest

from audio.decibels import (
    SILENCE_DB,
    amplitude_to_db,
    db_to_amplitude,
    db_to_power,
    dbfs,
    power_to_db,
)


@pytest.mark.parametrize(("amplitude", "db"), [(1.0, 0.0), (10.0, 20.0), (0.5, -6.0206)])
def test_an_amplitude_and_its_square_have_the_same_level(amplitude: float, db: float) -> None:
    assert dbfs(amplitude) == pytest.approx(db, abs=1e-4)
    assert amplitude_to_db(amplitude) == pytest.approx(dbfs(amplitude), abs=1e-12)
    assert power_to_db(amplitude**2) == pytest.approx(dbfs(amplitude), abs=1e-12)
    assert db_to_amplitude(dbfs(amplitude)) == pytest.approx(amplitude)
    assert db_to_power(dbfs(amplitude)) == pytest.approx(amplitude**2)


def test_silence_is_minus_200_db() -> None:
    assert dbfs(0.0) == dbfs(1e-12) == amplitude_to_db(0.0) == SILENCE_DB == -200.0
    assert power_to_db(np.array([0.0, 1.0])).tolist() == [-200.0, 0.0]
