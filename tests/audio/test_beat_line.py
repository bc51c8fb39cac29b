"""The line through the onsets follows the prompt ones, and says where nothing holds it."""

from __future__ import annotations

import numpy as np

from audio.beat_line import fit_line
from audio.hearing import Floats
from audio.onsets import Onsets

EXPECTED = 0.5 * np.arange(48)  # 120 bpm


def onsets_at(seconds: Floats) -> Onsets:
    return Onsets(seconds, np.ones(len(seconds)), np.full(len(seconds), 0.008))


def test_late_onsets_that_are_less_trusted_move_nothing() -> None:
    """Every other beat has a sound that begins 10 to 30 ms late, trusted by 0.6."""
    rng = np.random.default_rng(1)
    late = np.arange(48) % 2 == 1
    onsets = onsets_at(EXPECTED + np.where(late, rng.uniform(0.010, 0.030, 48), 0.0))
    line = fit_line(EXPECTED + 0.01, EXPECTED, onsets, np.where(late, 0.6, 0.95), ternary=False)
    # 24 prompt onsets hold it: a tenth of what the others are late by is more than enough.
    assert np.abs(line.seconds - EXPECTED).max() < 0.002


def test_a_line_that_follows_the_late_ones_is_doubted() -> None:
    """Three of four begin 20 ms late, as one; the fourth is then heard early, which nothing is."""
    late = np.arange(48) % 4 != 0
    onsets = onsets_at(EXPECTED + np.where(late, 0.020, 0.0))
    line = fit_line(EXPECTED + 0.02, EXPECTED, onsets, np.full(48, 0.9), ternary=False)
    assert np.abs(line.seconds - EXPECTED).max() > 0.015
    assert line.miss_seconds > 0.008  # a quarter of them by 20 ms is 5 ms, doubled 10


def test_onsets_to_both_sides_leave_doubt() -> None:
    scatter = np.random.default_rng(2).choice([-0.012, 0.012], 48)
    trust = np.full(48, 0.9)
    loose = fit_line(EXPECTED, EXPECTED, onsets_at(EXPECTED + scatter), trust, ternary=False)
    tight = fit_line(EXPECTED, EXPECTED, onsets_at(EXPECTED), trust, ternary=False)
    assert tight.miss_seconds < 0.001
    assert loose.miss_seconds > 0.004
    assert loose.error_seconds.max() > 1.5 * tight.error_seconds.max()


def test_a_gap_hides_nothing_at_a_steady_tempo() -> None:
    held = np.concatenate([EXPECTED[:16], EXPECTED[32:]])
    line = fit_line(EXPECTED, EXPECTED, onsets_at(held), np.full(32, 0.9), ternary=False)
    assert line.hidden_seconds < 0.001


def test_a_gap_where_the_tempo_steps_hides_the_step() -> None:
    """2 % slower somewhere in a gap of 8 s: off by up to 8 s x 2 % / 4 = 40 ms in the middle."""
    slower = EXPECTED + 0.02 * np.maximum(EXPECTED - 12, 0)
    held = np.concatenate([slower[:16], slower[32:]])
    start = slower + 0.005
    line = fit_line(start, EXPECTED, onsets_at(held), np.full(32, 0.9), ternary=False)
    assert line.hidden_seconds > 0.010
