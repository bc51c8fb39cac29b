"""What is expected of a tempo is a Gaussian over its beats, whose precision is a band."""

from __future__ import annotations

import numpy as np
import pytest

from audio.line_fit import OFFSET_SECONDS, SLOPE_SPREAD, TEMPO_SPREAD, TempoPrior


@pytest.mark.parametrize("order", [2, 3])
def test_the_band_is_that_of_differences_that_spread_independently(order: int) -> None:
    """x0 ~ 50 ms, x1 - x0 ~ 3 % of 0.5 s, and so on: D'SD of the matrix D of all differences."""
    spreads = np.linspace(0.001, 0.003, 8 - order)
    prior = TempoPrior.of(8, 0.5, spreads, order)
    rows = [np.diff(np.eye(8), lower, axis=0)[0] for lower in range(order)]
    whole = np.array([*rows, *np.diff(np.eye(8), order, axis=0)])
    first = [OFFSET_SECONDS, TEMPO_SPREAD * 0.5, SLOPE_SPREAD * 0.25][:order]
    precision = whole.T @ np.diag(np.array([*first, *spreads]) ** -2.0) @ whole
    for apart in range(order + 1):
        assert prior.band[-1 - apart, apart:] == pytest.approx(np.diag(precision, apart))
    assert prior.log_determinant == pytest.approx(np.linalg.slogdet(precision)[1])
    pulses = np.random.default_rng(1).normal(0, 0.01, 8)
    assert prior.surprise(pulses) == pytest.approx(pulses @ precision @ pulses / 2)
