"""How sure a split is of its stems."""

from __future__ import annotations

import numpy as np
import pytest

from stems.sureness import FFT_FRAMES, Sureness

FRAMES = 20 * FFT_FRAMES


def tone(hz: float) -> np.ndarray:
    wave = np.sin(2 * np.pi * hz * np.arange(FRAMES) / 44_100)
    return np.stack([wave, wave]).astype(np.float32)


def shares(*stems: np.ndarray) -> dict[str, float]:
    sure = Sureness([str(number) for number in range(len(stems))])
    whole = np.stack(stems)
    for first in range(0, FRAMES, FRAMES // 2):  # in blocks, as a long recording comes
        sure.add(whole[..., first : first + FRAMES // 2])
    return dict(sure.shares())


def test_stems_apart_in_frequency_are_sure_and_silence_is_left_out() -> None:
    found = shares(tone(100), tone(5000), np.zeros((2, FRAMES), np.float32))
    assert found == {"0": pytest.approx(1, abs=0.001), "1": pytest.approx(1, abs=0.001)}


def test_stems_in_one_place_are_as_sure_as_their_parts_of_the_energy() -> None:
    # A third of the amplitude is a ninth of the energy: a tenth of both, and nine tenths.
    found = shares(tone(440), tone(440) / 3)
    assert found == {"0": pytest.approx(0.9, abs=0.001), "1": pytest.approx(0.1, abs=0.001)}
