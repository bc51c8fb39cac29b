"""WAV files as independent readers (libsndfile, wavinfo, the standard library) see them."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from audio import wave_file
from audio.errors import AudioError
from audio.flac_file import FlacFile
from audio.wave_file import WaveFile


@pytest.mark.parametrize("bits", [16, 24])
def test_whole_numbers_come_back_from_other_readers(tmp_path: Path, bits: int) -> None:
    # Lowest and highest number there is, and an odd count of bytes: 3 frames of 1 channel.
    highest = (1 << (bits - 1)) - 1
    numbers = np.array([[-highest - 1, -1, highest]], np.int32)
    with WaveFile(tmp_path / "a.wav", 44_100, 1, 3, bits, after=[(b"abcd", b"xyz")]) as file:
        file.write(numbers)
    read, rate = soundfile.read(tmp_path / "a.wav", dtype="int32")
    assert rate == 44_100
    assert np.array_equal(read >> (32 - bits), numbers[0])
    with wave.open(str(tmp_path / "a.wav")) as plain:
        assert (plain.getsampwidth(), plain.getnframes()) == (bits // 8, 3)


def test_blocks_are_joined_and_every_bit_of_floats_kept(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    samples = random.uniform(-4, 4, (2, 1_000)).astype(np.float32)
    with WaveFile(tmp_path / "a.wav", 48_000, 2, 1_000, 32) as file:
        file.write(samples[:, :300])
        file.write(samples[:, 300:])
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert np.array_equal(read.T, samples)


def test_files_too_large_for_riff_are_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wave_file, "RIFF_LIMIT", 4_000)  # instead of four gigabytes
    samples = np.linspace(-1, 1, 2_000, dtype=np.float32).reshape(2, 1_000)
    with WaveFile(
        tmp_path / "a.wav", 96_000, 2, 1_000, 32, before=[(b"bext", bytes(602))],
        after=[(b"abcd", b"12")],
    ) as file:  # fmt: skip
        file.write(samples)
    data = (tmp_path / "a.wav").read_bytes()
    assert data[:4] == b"RF64"
    # ds64 comes first: the sizes of all but the first 8 bytes, of the samples, and their frames.
    assert struct.unpack_from("<4sIQQQI", data, 12) == (
        b"ds64", 28, len(data) - 8, 8_000, 1_000, 0,
    )  # fmt: skip
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert soundfile.info(tmp_path / "a.wav").format == "RF64"
    assert np.array_equal(read.T, samples)
    assert WavInfoReader(tmp_path / "a.wav").data.frame_count == 1_000


def test_a_file_of_five_gigabytes_has_a_head_that_says_so(tmp_path: Path) -> None:
    # 8 bytes a frame: 5 x 10^9 bytes are 625 million frames. Only the head is written.
    file = WaveFile(tmp_path / "a.wav", 96_000, 2, 625_000_000, 32)
    with pytest.raises(AudioError, match="625000000 frames more were to come"):
        file.close()
    data = (tmp_path / "a.wav").read_bytes()
    _, _, riff, samples, frames, _ = struct.unpack_from("<4sIQQQI", data, 12)
    assert (samples, frames) == (5_000_000_000, 625_000_000)
    assert riff == len(data) + 5_000_000_000 - 8


def test_other_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="not 8"):
        WaveFile(tmp_path / "a.wav", 48_000, 2, 4, 8)


def test_blocks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with WaveFile(tmp_path / "a.wav", 48_000, 2, 4, 24) as file:
        with pytest.raises(AudioError, match=r"must be int32 of the shape \(2, frames\)"):
            file.write(np.zeros((2, 4), np.float32))
        with pytest.raises(AudioError, match="block has 5 frames, 4 were to come"):
            file.write(np.zeros((2, 5), np.int32))
        file.write(np.zeros((2, 4), np.int32))


def test_flac_keeps_24_bits_and_its_texts(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    numbers = random.integers(-(2**23), 2**23, (2, 500)).astype(np.int32)
    texts = {"title": "drums", "album": "Héros"}
    with FlacFile(tmp_path / "a.flac", 96_000, 2, texts) as flac:
        flac.write(numbers)
    with soundfile.SoundFile(tmp_path / "a.flac") as file:
        assert (file.subtype, file.samplerate) == ("PCM_24", 96_000)
        assert (file.title, file.album) == ("drums", "Héros")
        assert np.array_equal(file.read(dtype="int32").T >> 8, numbers)
