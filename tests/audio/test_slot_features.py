"""What is heard at each slot, in music whose louder and changing slots are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from audio.clip import Clip
from audio.features import extract_features
from audio.slot_features import SLOT_FEATURES, BarFeatures, Slots, features_at

Build = Callable[..., Clip]
C, F = (60, 64, 67, 72), (60, 65, 69, 72)


def heard_at(clip: Clip, slots: np.ndarray, name: str) -> np.ndarray:
    features = extract_features(clip)
    assert features is not None
    found = features_at(BarFeatures.of(clip, features), Slots(slots, 1, 1.0), bar_beats=4.0)
    assert found.shape == (len(SLOT_FEATURES), len(slots))
    return found[SLOT_FEATURES.index(name)]


def test_what_is_loud_in_a_band_is_loud_at_its_own_slots() -> None:
    # Bursts of 50 ms every half second for 8 s: 100 Hz, but each fourth at 5 kHz.
    at = np.arange(16) / 2
    samples = np.zeros((1, 8 * 44_100), np.float32)
    time = np.arange(2205) / 44_100
    for number, second in enumerate(at):
        burst = 0.5 * np.sin(2 * np.pi * (5000 if number % 4 == 2 else 100) * time)
        first = int(second * 44_100)
        samples[:, first : first + 2205] = burst * np.hanning(2205)
    clip = Clip(samples, 44_100)
    treble = [number for number in range(16) if number % 4 == 2]
    others = [number for number in range(16) if number % 4 != 2]
    for name, sign in (("loud higher", 1), ("rises higher", 1), ("loud lowest", -1)):
        values = sign * heard_at(clip, at, name)
        assert values[treble].min() > values[others].max() + 1, name


def test_harmony_changes_most_where_the_chord_does(chords: Build) -> None:
    # Two bars of four chords a second apart, C and then F: it changes at slot 4 alone.
    clip = chords([C, C, C, C, F, F, F, F])
    values = heard_at(clip, np.arange(8.0), "harmony of a bar")
    assert int(values.argmax()) == 4


def test_slots_outside_the_recording_are_heard_as_nothing(chords: Build) -> None:
    slots = np.arange(-3.0, 9.0)
    clip = chords([C, F, C, F])
    outside = (slots < 0) | (slots >= clip.seconds)
    for name in ("loud low", "bass of a bar", "holds"):
        assert not heard_at(clip, slots, name)[outside].any()


def test_the_first_sound_comes_after_the_silence(chords: Build) -> None:
    struck = chords([C, F])
    silence = np.zeros((struck.channels, 30_870), np.float32)  # 0.7 s
    clip = Clip(np.concatenate([silence, struck.samples], axis=1), 44_100)
    features = extract_features(clip)
    assert features is not None
    # 20 ms: the levels are heard through windows of 12 ms, a loud moment lasts another 12.
    assert BarFeatures.of(clip, features).first_sound_seconds() == pytest.approx(0.7, abs=0.02)
