"""Loops wrap without a click."""

from __future__ import annotations

import numpy as np

from audio.loop import fold_tail, measure_wrap, settle_wrap


def test_a_tail_sounds_into_the_beginning() -> None:
    samples = np.ones((1, 100), np.float32)
    samples[:, 80:] = np.linspace(1, 0, 20)
    folded = fold_tail(samples, 0, 80)
    assert folded.shape == (1, 80)
    assert folded[0, 0] == 2.0  # one of its own, one that rings on
    assert folded[0, 79] == 1.0


def test_a_lead_fades_in_before_the_wrap() -> None:
    samples = np.zeros((1, 110), np.float32)
    samples[:, :10] = 1.0  # only the lead sounds
    folded = fold_tail(samples, 10, 100)
    assert np.array_equal(folded[0, -10:], np.linspace(0, 1, 10, dtype=np.float32))
    assert not folded[0, :-10].any()


def test_a_wave_that_runs_through_the_wrap_does_not_click() -> None:
    time = np.arange(4000)
    wave = np.sin(2 * np.pi * time / 100).astype(np.float32)[None]  # 40 whole periods
    assert not measure_wrap(wave).clicks
    cut = wave[:, :3975]  # a quarter period short: -1 to 0
    assert measure_wrap(cut).clicks


def test_a_fold_of_a_ringing_wave_has_no_seam() -> None:
    time = np.arange(9000)
    wave = (np.exp(-time / 3000) * np.sin(2 * np.pi * time / 90)).astype(np.float32)[None]
    assert measure_wrap(wave[:, :6020]).clicks
    assert not measure_wrap(fold_tail(wave, 0, 6020)).clicks


def test_twenty_loops_wrap_without_a_click() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        frames = int(rng.integers(40_000, 90_000))
        time = np.arange(-220, frames + 30_000)
        sound = np.zeros((2, len(time)))
        for onset in np.linspace(0, frames, 9)[:-1]:  # eight struck notes that ring on
            since = np.maximum(time - onset, 0)
            hertz = rng.uniform(60, 900)
            note = np.exp(-since / 12_000) * np.sin(2 * np.pi * hertz * since / 44_100)
            sound += rng.uniform(0.1, 0.3, (2, 1)) * note * (time >= onset)
        wrap = measure_wrap(fold_tail(sound.astype(np.float32), 220, frames))
        assert not wrap.clicks, (seed, wrap)


def test_a_step_at_the_wrap_is_taken_out_of_parts_that_still_add_up() -> None:
    time = np.arange(4410)
    parts = np.stack([
        0.5 * np.cos(2 * np.pi * time / 4000), 0.2 * np.sin(2 * np.pi * time / 700),
    ]).astype(np.float32)  # fmt: skip
    before = parts.copy()
    assert measure_wrap(before.sum(axis=0, keepdims=True)).clicks
    settle_wrap(parts, 1, 44_100)
    mix = parts.sum(axis=0, keepdims=True)
    assert not measure_wrap(mix).clicks
    assert np.array_equal(parts[:, 44:-44], before[:, 44:-44])  # a millisecond at both ends
    half = (before.sum(axis=0)[0] - before.sum(axis=0)[-1]) / 2
    assert abs(mix[0, 0] - (before.sum(axis=0)[0] - half)) < 1e-6
    settled = parts.copy()
    settle_wrap(parts, 1, 44_100)  # there is nothing left to do
    assert np.array_equal(parts, settled)


def test_a_loop_that_has_neither_lead_nor_tail_stays_as_it_is() -> None:
    samples = np.ones((2, 1010), np.float32)
    samples[:, :10] = 0.0  # nothing is in front of it
    assert np.array_equal(fold_tail(samples, 10, 1000), samples[:, 10:])
