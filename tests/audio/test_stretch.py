"""Sound gets longer or shorter: attacks stay where they are put, stems still add up."""

from __future__ import annotations

import numpy as np
import pytest

from audio.errors import AudioError
from benchmarks.smear import stretch

RATE = 44_100


def click_train(seconds: float, every: float) -> tuple[np.ndarray, np.ndarray]:
    """A mono clip of clicks over a soft chord, and the frames where they begin."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = 0.03 * (np.sin(2 * np.pi * 220 * time) + np.sin(2 * np.pi * 277.2 * time))
    begins = np.arange(0.3, seconds - 0.3, every)
    since = np.arange(400) / RATE
    for begin in begins:
        first = int(begin * RATE)
        sound[first : first + 400] += 0.5 * np.sin(2 * np.pi * 3000 * since) * np.exp(-800 * since)
    return sound.astype(np.float32)[None], np.floor(begins * RATE)


@pytest.mark.parametrize("ratio", [0.95, 1.03])
def test_attacks_land_within_a_tenth_of_a_millisecond(ratio: float) -> None:
    sound, begins = click_train(4.0, 0.5)
    source = np.concatenate([[0.0], begins, [sound.shape[1]]])
    target = np.rint(source * ratio)
    out = stretch(sound, RATE, source, target)
    assert out.shape == (1, target[-1])
    assert out.dtype == np.float32
    click = np.diff(sound[0, int(begins[1]) : int(begins[1]) + 100])  # over the chord's slow waves
    for place in target[1:-1].astype(int):
        around = np.diff(out[0, place - 200 : place + 300])
        found = int(np.correlate(around, click, "valid").argmax()) - 200
        assert abs(found) <= 4  # frames: 0.09 ms


def test_channels_that_add_up_before_add_up_after() -> None:
    rng = np.random.default_rng(1)
    drums, _ = click_train(3.0, 0.4)
    time = np.arange(drums.shape[1]) / RATE
    bass = (0.3 * np.sin(2 * np.pi * 55 * time)).astype(np.float32)[None]
    noise = rng.normal(0, 0.05, drums.shape).astype(np.float32)
    mix = drums + bass + noise
    cuts = np.array([0.0, 0.3, 1.1, 1.9, 3.0]) * RATE
    out = stretch(np.concatenate([mix, drums, bass, noise]), RATE, cuts, np.rint(cuts * 1.04))
    left = out[0] - out[1:].sum(axis=0, dtype=np.float64)
    # The stretcher works in float32 and divides by energies; -60 dB of a mix at 0.9 says that
    # the same was done to all. (Delivered mixes are summed afterwards, and null exactly.)
    assert 20 * np.log10(np.abs(left).max()) < -60


def test_unstretched_pieces_come_through_bit_for_bit() -> None:
    sound, _ = click_train(2.0, 0.5)
    cuts = np.array([4000.0, 30_000.0, 60_000.0])
    out = stretch(sound, RATE, cuts, cuts + 1000)
    # Crossfades of a sound with itself round by a unit in the last place; elsewhere it is equal.
    assert np.array_equal(out[:, :25_000], sound[:, 4000:29_000])
    assert np.abs(out - sound[:, 4000:60_000]).max() < 1e-7


def test_the_same_sound_comes_out_twice() -> None:
    sound, begins = click_train(2.0, 0.5)
    cuts = np.concatenate([[0.0], begins, [sound.shape[1]]])
    again = [stretch(sound, RATE, cuts, np.rint(cuts * 0.97)) for _ in range(2)]
    assert np.array_equal(*again)


@pytest.mark.parametrize(
    ("source", "target"),
    [([0.0], [0.0]), ([0.0, 1e4], [0.0, 1e4, 2e4]), ([0, 1e4, 9e3], [0, 1e4, 2e4]),
     ([0, 1e4, 1.01e4], [0, 1e4, 1.01e4])],
)  # fmt: skip
def test_cuts_that_make_no_sense_are_refused(source: list[float], target: list[float]) -> None:
    with pytest.raises(AudioError, match="cuts"):
        stretch(np.zeros((1, 44_100), np.float32), RATE, np.array(source), np.array(target))
