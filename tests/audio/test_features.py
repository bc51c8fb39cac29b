"""Long recordings are heard a block at a time, and nothing of that can be heard."""

from __future__ import annotations

import numpy as np
import pytest

import audio.features
from audio.clip import Clip
from audio.features import extract_features, onset_envelope

RATE = 44_100


@pytest.fixture
def clip() -> Clip:
    rng = np.random.default_rng(1)
    time = np.arange(3 * RATE) / RATE
    sound = 0.3 * rng.normal(0, 1, len(time)) * np.exp(-20 * (time % 0.25))
    return Clip(sound.astype(np.float32)[None], RATE)


def test_blocks_leave_no_trace(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = extract_features(clip)
    monkeypatch.setattr(audio.features, "BLOCK_FRAMES", 37)
    parts = extract_features(clip)
    assert whole is not None
    assert parts is not None
    for name in ("onsets", "attacks"):
        one, other = getattr(whole, name), getattr(parts, name)
        assert np.array_equal(one.seconds, other.seconds)
        # Decibels of float32 sums taken in another order.
        assert np.allclose(one.values, other.values, atol=1e-3)
    for name in ("levels", "spectrum"):
        assert np.allclose(getattr(whole, name), getattr(parts, name), atol=0.01)


def test_what_is_heard_together_is_what_is_heard_alone(clip: Clip) -> None:
    together, onsets = extract_features(clip), onset_envelope(clip)
    assert together is not None
    assert onsets is not None
    assert np.allclose(together.onsets.values, onsets.values, atol=1e-3)


def test_silence_is_not_heard() -> None:
    assert extract_features(Clip(np.zeros((2, RATE), np.float32), RATE)) is None
