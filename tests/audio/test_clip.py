"""Clips: what they hold, how they come off and onto the disk, what resampling keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.clip import Clip, read_clip, resample, write_wav
from audio.errors import AudioError


def noise(frames: int = 1000, channels: int = 2, peak: float = 0.9) -> Clip:
    samples = np.random.default_rng(1).uniform(-peak, peak, (channels, frames))
    return Clip(samples.astype(np.float32), 48_000)


def test_a_clip_knows_its_size() -> None:
    clip = Clip(np.array([[0.25, -0.5, 0.125]], dtype=np.float32), 44_100)
    assert (clip.channels, clip.frames, clip.peak) == (1, 3, 0.5)
    assert clip.seconds == 3 / 44_100


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 8)), "samples must be a float32 array, not float64"),
        ([[0.0]], "samples must be a float32 array, not list"),
        (np.zeros(8, np.float32), r"not \(8,\)"),
        (np.zeros((0, 8), np.float32), r"not \(0, 8\)"),
        (np.zeros((9, 8), np.float32), r"not \(9, 8\)"),
        (np.zeros((2, 0), np.float32), r"not \(2, 0\)"),
        (np.array([[0, np.nan]], np.float32), "holds NaN or infinity"),
        (np.array([[0, -np.inf]], np.float32), "holds NaN or infinity"),
    ],
)
def test_samples_that_are_no_sound_are_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        Clip(samples, 48_000)


@pytest.mark.parametrize("rate", [0, -1, 7_999, 192_001, 48_000.0, True, None])
def test_a_rate_that_cannot_be_names_value_and_limit(rate: int) -> None:
    with pytest.raises(AudioError, match=r"whole number of Hz from 8000 to 192000, not "):
        Clip(np.zeros((1, 1), np.float32), rate)


def test_a_clip_cannot_be_written_through() -> None:
    with pytest.raises(ValueError, match="read-only"):
        noise().samples[0, 0] = 1


def test_float_files_give_back_every_bit_even_over_full_scale(tmp_path: Path) -> None:
    clip = noise(peak=4)
    write_wav(tmp_path / "a.wav", clip)
    back = read_clip(tmp_path / "a.wav")
    assert back.sample_rate == 48_000
    assert np.array_equal(back.samples, clip.samples)
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"


def test_the_same_clip_gives_the_same_bytes_without_a_time_of_writing(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise())
    data = (tmp_path / "a.wav").read_bytes()
    assert b"PEAK" not in data[:200]  # the chunk in which libsndfile would stamp the time
    assert data[:4] == b"RIFF"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot write"):
        write_wav(tmp_path / "none" / "a.wav", noise())


def test_a_file_that_is_no_sound_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF not really")
    for path in (tmp_path / "a.wav", tmp_path / "none.wav", tmp_path):
        with pytest.raises(AudioError, match="cannot read"):
            read_clip(path)


@pytest.mark.parametrize(("rate", "to"), [(48_000, 44_100), (44_100, 48_000)])
def test_a_resampled_sine_is_the_sine_at_the_other_rate(rate: int, to: int) -> None:
    def sine(at: int, frames: int) -> np.ndarray:
        return np.sin(2 * np.pi * 997 * np.arange(frames) / at).astype(np.float32)[None]

    resampled = resample(Clip(sine(rate, rate // 2), rate), to)
    assert (resampled.sample_rate, resampled.frames) == (to, to // 2)
    inner = slice(500, -500)  # the ends lack what lies outside
    error = resampled.samples[:, inner] - sine(to, to // 2)[:, inner]
    assert np.abs(error).max() < 1e-4  # -80 dB


def test_resampling_lets_no_image_through() -> None:
    # 23 kHz cannot be held at 44.1 kHz and must be gone, not mirrored to 21.1 kHz.
    tone = np.sin(2 * np.pi * 23_000 * np.arange(24_000) / 48_000).astype(np.float32)[None]
    assert np.abs(resample(Clip(tone, 48_000), 44_100).samples[:, 500:-500]).max() < 1e-3


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    clip = noise()
    assert resample(clip, 48_000) is clip
