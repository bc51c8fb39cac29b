"""A sound recording has no faults; damaged in one way it has that one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from audio.clip import Clip
from audio.faults import find_faults

RATE = 44_100


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    """Six seconds of struck chords with noise bursts on the beat, faded out, peaking at 0.7."""
    time = np.arange(6 * RATE) / RATE
    beat = time % 0.5
    wave = sum(np.sin(2 * np.pi * hz * time) / n for n, hz in enumerate((110, 220, 277, 440), 1))
    wave = wave * np.exp(-3 * beat)
    wave += 0.5 * np.random.default_rng(1).normal(0, 1, len(time)) * np.exp(-60 * beat)
    wave[-RATE // 2 :] *= np.linspace(1, 0, RATE // 2)
    return np.stack([wave, 0.8 * wave]) * 0.7 / np.abs(wave).max()


def names(samples: np.ndarray, **options: Clip) -> list[str]:
    clip = Clip(np.ascontiguousarray(samples, dtype=np.float32), RATE)
    return [fault.name for fault in find_faults(clip, **options)]


def test_a_sound_recording_has_no_faults(music: np.ndarray) -> None:
    assert names(music) == []


def clipped(music: np.ndarray) -> np.ndarray:
    return np.clip(2 * music, -0.7, 0.7)


def too_hot(music: np.ndarray) -> np.ndarray:
    return 1.6 * music


def shifted(music: np.ndarray) -> np.ndarray:
    return music + 0.06


def interrupted(music: np.ndarray) -> np.ndarray:
    out = music.copy()
    out[:, 2 * RATE : int(3.3 * RATE)] = 0
    return out


def one_sided(music: np.ndarray) -> np.ndarray:
    return music * [[1], [0]]


def cut_off(music: np.ndarray) -> np.ndarray:
    return music[:, : int(2.52 * RATE)]


def with_a_lost_sample(music: np.ndarray) -> np.ndarray:
    out = music.copy()
    out[0, int(2.4 * RATE)] += 0.5
    return out


def whistling(music: np.ndarray) -> np.ndarray:
    time = np.arange(music.shape[1]) / RATE
    fade = np.minimum(1, (time[-1] - time) / 0.2)
    return 0.3 * music + 0.25 * fade * np.sin(2 * np.pi * 3000 * time)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [(clipped, "clipping"), (too_hot, "true peak"), (shifted, "offset"), (interrupted, "gap"),
     (one_sided, "dead channel"), (cut_off, "truncation"), (with_a_lost_sample, "clicks"),
     (whistling, "harshness")],
)  # fmt: skip
def test_damage_is_named(
    music: np.ndarray, damage: Callable[[np.ndarray], np.ndarray], fault: str
) -> None:
    assert fault in names(damage(music))


def test_silence_is_only_silent() -> None:
    assert names(np.zeros((2, RATE))) == ["silence"]


@pytest.mark.parametrize(("share", "words"), [(1.0, "nothing of them is left"), (0.8, "19 dB")])
def test_channels_that_cancel_in_mono_are_told(music: np.ndarray, share: float, words: str) -> None:
    # Of 1 and -.8 the mean is .1, its power .01, that of the channels .82: -19 dB.
    opposed = np.stack([music[0], -share * music[0]]).astype(np.float32)
    (fault,) = find_faults(Clip(opposed, RATE))
    assert (fault.name, words in fault.sentence) == ("phase", True)


def test_a_loop_without_a_seam_does_not_break_off() -> None:
    time = np.arange(RATE)
    wave = 0.3 * np.cos(2 * np.pi * 110 * time / RATE)  # 110 whole periods
    loop = Clip(wave.astype(np.float32)[None], RATE)
    assert "truncation" not in {fault.name for fault in find_faults(loop)}
    cut = Clip(np.ascontiguousarray(loop.samples[:, :-100]), RATE)  # a quarter period short
    assert "truncation" in {fault.name for fault in find_faults(cut)}
