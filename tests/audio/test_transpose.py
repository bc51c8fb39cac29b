"""Sound is moved by semitones, keeps its length, and goes the shorter way to a key."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clip import Clip
from audio.errors import AudioError
from audio.stretch import transpose
from audio.tonality import shift_to
from midi.key import Key

RATE = 44_100


def test_a_tone_goes_up_three_semitones_and_stays_as_long() -> None:
    time = np.arange(RATE) / RATE
    tone = Clip((0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[None], RATE)
    higher = transpose(tone, 3)
    assert higher.frames == RATE
    spectrum = np.abs(np.fft.rfft(higher.samples[0] * np.hanning(RATE)))
    # 440 Hz times 2^(3/12) is 523.25 Hz; one line of this spectrum is 1 Hz.
    assert np.argmax(spectrum) == pytest.approx(523.25, abs=1.5)


def test_a_click_stays_where_it_was() -> None:
    sound = np.zeros((1, RATE), np.float32)
    sound[0, 20_000:20_010] = 0.5
    moved = transpose(Clip(sound, RATE), -2).samples[0]
    # A block of the stretcher is 120 ms; the click comes out within 2 ms of its place.
    assert abs(int(np.abs(moved).argmax()) - 20_000) < 0.002 * RATE


@pytest.mark.parametrize(
    ("heard", "asked", "semitones"),
    [
        ("D major", "C major", -2),
        ("B major", "C major", 1),
        ("D major", "A minor", -2),  # C major has the notes of A minor
        ("F minor", "F minor", 0),
    ],
)
def test_the_shorter_way_to_a_key_is_taken(heard: str, asked: str, semitones: int) -> None:
    assert shift_to(Key.parse(heard), Key.parse(asked)) == semitones


def test_more_than_an_octave_is_refused() -> None:
    with pytest.raises(AudioError, match="semitones must be from -12 to 12, not 13"):
        transpose(Clip(np.zeros((1, 100), np.float32), RATE), 13)
