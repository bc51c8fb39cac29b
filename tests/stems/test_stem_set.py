import numpy as np
import pytest

from audio.clip import Clip
from audio.decibels import SILENCE_DB, dbfs
from audio.loudness import true_peak
from audio.residue import null_dbfs
from stems.errors import StemError
from stems.stem_set import StemSet


def constant_clip(level: float, frames: int = 4, channels: int = 2, rate: int = 48_000) -> Clip:
    return Clip(np.full((channels, frames), level, np.float32), rate)


def test_the_mix_is_the_float32_sum_in_the_order_of_the_stems_whatever_order_they_came_in():
    # In float32 1e8 swallows 1: (1e8 + 1) - 1e8 is 0, while (1e8 - 1e8) + 1 is 1.
    clips = {
        "vocals": constant_clip(-1e8),
        "bass": constant_clip(1.0),
        "drums": constant_clip(1e8),
    }
    stem_set = StemSet(clips)
    assert stem_set.names == ("drums", "bass", "vocals")
    assert np.all(stem_set.mix.samples == 0.0)
    assert stem_set.mix.samples.dtype == np.float32


def test_quiet_stems_are_left_as_they_are():
    clip = constant_clip(0.2)
    stem_set = StemSet({"drums": clip, "bass": clip})
    assert stem_set.gain_db == 0.0
    assert np.array_equal(stem_set.clips["bass"].samples, clip.samples)


def tone_clip(peak: float) -> Clip:
    """A quarter of the sample rate sampled at 45, 135 ... degrees: 3.01 dB between its samples."""
    wave = peak * np.sin(np.pi / 2 * np.arange(48_000) + np.pi / 4)
    fade = np.minimum(1, np.minimum(np.arange(48_000), np.arange(48_000)[::-1]) / 4_800)
    return Clip(np.tile(wave * fade, (2, 1)).astype(np.float32), 48_000)


def test_a_loud_mix_is_turned_down_to_a_true_peak_of_minus_one_by_one_gain_for_all():
    # 0.9 + 0.6 = 1.5; -1 dBTP is 0.891251, so the gain is 0.891251 / 1.5 = 0.594167: -4.522 dB.
    # The samples themselves peak at 1.5 / sqrt(2), after the gain at -1 - 3.01 dBFS.
    stem_set = StemSet({"drums": tone_clip(0.9), "bass": tone_clip(0.6)})
    assert stem_set.gain_db == pytest.approx(-4.522, abs=0.02)  # dB, ripple of the oversampling
    assert dbfs(true_peak(stem_set.mix)) <= -1.0
    assert dbfs(stem_set.mix.peak) == pytest.approx(-4.010, abs=0.02)
    loud = np.abs(stem_set.clips["drums"].samples) > 0.1
    ratio = stem_set.clips["bass"].samples[loud] / stem_set.clips["drums"].samples[loud]
    assert ratio == pytest.approx(0.6 / 0.9, rel=1e-6)  # float32 rounding


def test_stems_that_cancel_in_the_mix_still_keep_under_full_scale():
    stem_set = StemSet({"drums": constant_clip(2.0), "bass": constant_clip(-2.0)})
    assert dbfs(stem_set.clips["drums"].peak) <= -1.0


def test_a_turned_down_set_is_not_turned_down_again():
    first = StemSet({"drums": tone_clip(0.9), "bass": tone_clip(0.6)})
    assert StemSet(first.clips).gain_db == 0.0


def test_stems_cancel_against_their_own_mix():
    random = np.random.default_rng(5)
    clips = {
        name: Clip(random.uniform(-0.2, 0.2, (2, 48_000)).astype(np.float32), 48_000)
        for name in ("drums", "bass", "melody", "vocals")
    }
    stem_set = StemSet(clips)
    # Three float32 additions of values under 1 are off by at most 3 x 2^-25: -141 dBFS.
    assert null_dbfs(stem_set.mix, stem_set.clips.values()) <= -140.0


def test_the_null_tells_the_peak_of_what_is_left():
    stem_set = StemSet({"drums": constant_clip(0.25)})
    off = constant_clip(0.25 + 0.001)
    left_dbfs = null_dbfs(off, stem_set.clips.values())
    assert left_dbfs == pytest.approx(-60.0, abs=0.01)  # 0.001 is -60 dB
    assert null_dbfs(constant_clip(0.25), stem_set.clips.values()) == SILENCE_DB


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        ({}, "at least one stem"),
        ({"guitar": constant_clip(0.1)}, "must be one of drums, bass, melody, vocals"),
        ({"drums": constant_clip(0.1, channels=1)}, "drums has 1 channels, must be stereo"),
        (
            {"drums": constant_clip(0.1), "bass": constant_clip(0.1, frames=5)},
            "bass has 5 frames at 48000 Hz, drums has 4",
        ),
        (
            {"drums": constant_clip(0.1), "bass": constant_clip(0.1, rate=44_100)},
            "bass has 4 frames at 44100 Hz",
        ),
    ],
)
def test_stems_that_do_not_belong_together_are_refused(clips: dict[str, Clip], sentence: str):
    with pytest.raises(StemError, match=sentence):
        StemSet(clips)
