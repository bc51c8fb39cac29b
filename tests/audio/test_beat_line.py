"""The line through the onsets follows those on time, and says where nothing holds it."""

from __future__ import annotations

import numpy as np
import pytest

from audio.beat_line import fit_line
from audio.features import Floats, OnsetEnvelope
from audio.note_starts import LATE_SECONDS, NoteStarts

EXPECTED = 0.5 * np.arange(48)  # 120 bpm


NOTHING = OnsetEnvelope(np.zeros(1), np.zeros(1))


def starts_at(seconds: Floats, exact: Floats | float = 0.9) -> NoteStarts:
    """As audio.note_starts finds them: so likely exact, else 18 ms late or anywhere."""
    chances = np.zeros((len(seconds), len(LATE_SECONDS)))
    chances[:, 0] = exact
    chances[:, [LATE_SECONDS.index(0.018), -1]] = (1 - chances[:, :1]) / 2
    return NoteStarts(seconds, chances, NOTHING)


def test_late_onsets_that_are_less_trusted_move_nothing() -> None:
    """Every other beat has a sound that begins 10 to 30 ms late, trusted by 0.6."""
    rng = np.random.default_rng(1)
    late = np.arange(48) % 2 == 1
    heard = EXPECTED + np.where(late, rng.uniform(0.010, 0.030, 48), 0.0)
    starts = starts_at(heard, np.where(late, 0.6, 0.95))
    line = fit_line(EXPECTED + 0.01, EXPECTED, starts, ternary=False)
    # 24 onsets on time hold it: a tenth of what the others are late by is more than enough.
    assert np.abs(line.seconds - EXPECTED).max() < 0.002


def test_a_line_that_follows_the_late_ones_is_doubted() -> None:
    """Three of four begin 20 ms late, as one; the fourth is then heard early, which nothing is."""
    late = np.arange(48) % 4 != 0
    starts = starts_at(EXPECTED + np.where(late, 0.020, 0.0))
    line = fit_line(EXPECTED + 0.02, EXPECTED, starts, ternary=False)
    assert np.abs(line.seconds - EXPECTED).max() > 0.015
    assert line.miss_seconds > 0.008  # a quarter of them by 20 ms is 5 ms, doubled 10


def test_onsets_to_both_sides_leave_doubt() -> None:
    scatter = np.random.default_rng(2).choice([-0.012, 0.012], 48)
    loose = fit_line(EXPECTED, EXPECTED, starts_at(EXPECTED + scatter), ternary=False)
    tight = fit_line(EXPECTED, EXPECTED, starts_at(EXPECTED), ternary=False)
    assert tight.miss_seconds < 0.001
    assert loose.miss_seconds > 0.004
    assert loose.error_seconds.max() > 1.5 * tight.error_seconds.max()


def test_what_a_codec_spreads_before_a_note_is_no_doubt() -> None:
    """A frame of MP3 lasts 26 ms: every third beat is heard 28 ms before it begins, too."""
    heard = np.sort(np.concatenate([EXPECTED, EXPECTED[::3] - 0.028]))
    line = fit_line(EXPECTED, EXPECTED, starts_at(heard), ternary=False)
    assert np.abs(line.seconds - EXPECTED).max() < 0.001
    # As without them, where the onsets lie on the line: under 3 ms.
    assert line.miss_seconds < 0.001 and line.error_seconds.max() < 0.003


def test_a_steady_tempo_comes_out_exactly_steady() -> None:
    """Onsets that scatter by 4 ms, as players do, leave no beat longer than another by 0.1 ms."""
    starts = starts_at(EXPECTED + np.random.default_rng(3).normal(0, 0.004, 48))
    line = fit_line(EXPECTED, EXPECTED, starts, ternary=False)
    assert np.ptp(np.diff(line.seconds)) < 1e-4
    assert np.abs(line.seconds - EXPECTED).max() < 0.003  # 4 ms / sqrt(48), at the ends doubled


def test_a_gap_hides_nothing_at_a_steady_tempo() -> None:
    held = np.concatenate([EXPECTED[:16], EXPECTED[32:]])
    line = fit_line(EXPECTED, EXPECTED, starts_at(held), ternary=False)
    assert line.error_seconds.max() < 0.003


def test_a_gap_where_the_tempo_steps_hides_the_step() -> None:
    """2 % slower from somewhere in a gap of 8 s on, where it could have drifted as well."""
    slower = EXPECTED + 0.02 * np.maximum(EXPECTED - 12, 0)
    held = np.concatenate([slower[:16], slower[32:]])
    line = fit_line(slower + 0.005, EXPECTED, starts_at(held), ternary=False)
    assert line.error_seconds[24] > 2 * line.error_seconds[[8, 40]].max()


@pytest.mark.parametrize("kind", ["step", "drift"])
def test_errors_are_as_large_as_they_say(kind: str) -> None:
    """Of 20 recordings whose onsets scatter by 4 ms, two of three beats lie within one error."""
    step = 0.02 * np.maximum(EXPECTED - 9.7, 0)
    drift = 0.1 * np.sin(2 * np.pi * EXPECTED / 24)  # 0.1 x 2 pi / 24: up to 2.6 %
    true = EXPECTED + (step if kind == "step" else drift)
    within = []
    for seed in range(20):
        starts = starts_at(true + np.random.default_rng(seed).normal(0, 0.004, 48))
        line = fit_line(true + 0.01, EXPECTED, starts, ternary=False)
        within.append(np.abs(line.seconds - true) < line.error_seconds)
        assert np.abs(line.seconds - true).max() < 0.015
    # 68 % is exact; much more would refuse what is right, less would trust what is not.
    assert 0.58 < np.mean(within) < 0.85
