"""A split in another format: whole numbers that sum to the recording's, block by block."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.clip import Clip, write_wav
from audio.stem_names import STEMS
from diffusion.errors import Cancelled
from stems import split_files
from stems.split_files import in_format
from stems.splitting.file_splitting import FileSplit
from stems.splitting.recording import look_through

RATE = 48_000
SHARES = {"drums": 0.5, "bass": 0.25, "melody": 0.125, "vocals": 0.125}


def split(
    folder: Path, sound: np.ndarray, subtype: str = "PCM_16", shares: dict[str, float] = SHARES
) -> tuple[FileSplit, Path]:
    """A recording of (frames, channels), and shares of it as its stems."""
    path = folder / "song.wav"
    soundfile.write(path, sound, RATE, subtype=subtype)
    sound = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    paths, peak = {}, 0.0
    for name, share in shares.items():
        paths[name] = folder / f"{name}.wav"
        stem = np.ascontiguousarray(sound * np.float32(share))
        write_wav(paths[name], Clip(stem, RATE))
        peak = max(peak, float(np.abs(stem).max()))
    return FileSplit(paths, (), -150.0, 20 * math.log10(peak), {}), path


def noise(peak: float, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(3).uniform(-peak, peak, (5000, channels))


def read(done: FileSplit) -> dict[str, np.ndarray]:
    """Whole numbers, at the top of 32 bits."""
    return {n: soundfile.read(p, dtype="int32", always_2d=True)[0] for n, p in done.paths.items()}


@pytest.mark.parametrize(("name", "suffix"), [("wav16", "wav"), ("wav24", "wav"), ("flac", "flac")])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_stems_of_a_cd_sum_to_it_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, suffix: str, channels: int
) -> None:
    monkeypatch.setattr(split_files, "BLOCK_FRAMES", 1024)
    done, song = split(tmp_path, noise(0.9, channels))
    got, gain_db = in_format(done, look_through(song), name, lambda: False)
    assert gain_db == 0.0 and got.null_dbfs == -200.0  # the floor: nothing is left
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        ["song.wav", *(f"{stem}.{suffix}" for stem in STEMS)]
    )
    assert soundfile.info(got.paths["drums"]).subtype == f"PCM_{16 if name == 'wav16' else 24}"
    total = sum(each.astype(np.int64) for each in read(got).values())
    assert np.array_equal(total, soundfile.read(song, dtype="int32", always_2d=True)[0])


def test_sixteen_bits_of_a_finer_recording_are_dithered(tmp_path: Path) -> None:
    done, song = split(tmp_path, noise(0.9), "PCM_24")
    got, _ = in_format(done, look_through(song), "wav16", lambda: False)
    units = {name: each / 2**16 for name, each in read(got).items()}
    wanted = soundfile.read(song)[0] * 2**15
    # TPDF noise and rounding: 1/4 unit squared in the mix, which is the stems' sum, and in each
    # stem but the loudest. Of 10000 samples the estimate is within some 2 %.
    for error in (sum(units.values()) - wanted, units["bass"] - wanted / 4):
        assert np.square(error).mean() == pytest.approx(0.25, rel=0.1)


def test_what_peaks_over_full_scale_comes_down_by_one_gain(tmp_path: Path) -> None:
    done, song = split(tmp_path, noise(2.0), "FLOAT")
    got, gain_db = in_format(done, look_through(song), "wav24", lambda: False)
    assert gain_db == pytest.approx(-6.02, abs=0.01)  # uniform noise comes within 0.01 dB of 2
    wanted = soundfile.read(song)[0] * 10 ** (gain_db / 20)
    for name, stem in read(got).items():
        # one unit for rounding and a few for the float32 gain and the mended sum
        assert np.abs(stem / 2**31 - wanted * SHARES[name]).max() < 4 / 2**23
    assert got.peak_dbfs == pytest.approx(-6.02, abs=0.01)  # drums, half of it


def test_some_stems_are_only_rounded_and_a_cancel_is_heard(tmp_path: Path) -> None:
    done, song = split(tmp_path, noise(0.5), "FLOAT", {"vocals": 0.3})
    got, _ = in_format(done, look_through(song), "wav24", lambda: False)
    assert got.null_dbfs is None
    error = read(got)["vocals"] / 2**8 - soundfile.read(song)[0] * np.float32(0.3) * 2**23
    assert np.abs(error).max() < 1  # half a unit, and float32
    with pytest.raises(Cancelled):
        in_format(split(tmp_path, noise(0.5))[0], look_through(song), "flac", lambda: True)


def test_float_stays_as_it_is(tmp_path: Path) -> None:
    done, song = split(tmp_path, noise(0.5))
    assert in_format(done, look_through(song), "wav32f", lambda: True) == (done, 0.0)
