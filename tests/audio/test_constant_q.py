"""The chroma is librosa's, made another way."""

from __future__ import annotations

import numpy as np
import pytest
from librosa.feature import chroma_cqt

from audio.constant_q import HOP_FRAMES, classes, pitches


@pytest.mark.parametrize("rate", [48_000, 22_050])  # one begins at half the rate, one does not
def test_it_is_that_of_librosa(rate: int) -> None:
    seconds = np.arange(6 * rate) / rate
    sound = 0.2 * np.sin(2 * np.pi * 220 * seconds * (1 + 0.05 * seconds))
    sound += 0.1 * np.sin(2 * np.pi * 64.5 * seconds) + 0.1 * np.sin(2 * np.pi * 3930 * seconds)
    mono = sound.astype(np.float32)
    theirs = chroma_cqt(y=mono, sr=rate, tuning=0.0, hop_length=HOP_FRAMES)
    # Both work in float32; columns peak at 1.
    assert np.abs(classes(pitches(mono, rate)) - theirs).max() < 1e-5


def test_silence_has_no_pitch_class() -> None:
    assert not classes(pitches(np.zeros(48_000, np.float32), 48_000)).any()
