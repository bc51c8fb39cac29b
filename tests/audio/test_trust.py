"""A struck note's moment is trusted, a swelling one's is not."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clip import Clip
from audio.hearing import hear
from audio.onsets import find_onsets
from audio.trust import chances_by, trust_in

RATE = 44_100


def heard_trust(attack_seconds: float) -> np.ndarray:
    """The chances to be on time of eight notes, one every half second, but that of the first."""
    out = np.random.default_rng(1).normal(0, 1e-4, 6 * RATE)
    since = np.arange(RATE) / RATE
    # In decibels a ramp out of silence is sudden, but not out of the note before, ringing on.
    shape = np.minimum(since / attack_seconds, 1) * np.exp(-3 * since)
    for number, pitch in enumerate((60, 64, 67, 62, 65, 69, 59, 67)):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hertz * n * since + n) / n for n in range(1, 9))
        first = round((0.4 + 0.5 * number) * RATE)
        out[first : first + len(since)] += 0.1 * shape * tone
    heard = hear(Clip(out.astype(np.float32)[None], RATE))
    assert heard is not None
    return trust_in(find_onsets(heard.onsets, heard.attacks), heard)[1:, :2].sum(axis=1)


def test_struck_notes_are_trusted() -> None:
    trust = heard_trust(attack_seconds=0.001)
    assert len(trust) >= 7
    assert np.median(trust) > 0.8


def test_chances_are_of_everything_that_an_onset_can_be() -> None:
    chances = chances_by(np.random.default_rng(1).normal(0, 3, (9, 8)), np.ones((8, 3)))
    assert chances.shape == (9, 4)
    assert (chances >= 0).all()
    assert chances.sum(axis=1) == pytest.approx(np.ones(9))


def test_notes_that_swell_for_a_tenth_of_a_second_are_not() -> None:
    trust = heard_trust(attack_seconds=0.100)
    assert np.median(trust) < 0.3
