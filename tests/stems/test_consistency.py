import numpy as np
import pytest

from audio.clip import Clip
from audio.stem_names import STEMS
from benchmarks.null_sums import RATES, nulls, random_job
from stems import consistency
from stems.consistency import add_up, silent_stems
from stems.errors import StemError
from stems.whole_numbers import dither_for, to_integers

RATE = 44_100
JOBS = 50


def tone(hz: float, peak: float, seconds: float = 2.0) -> np.ndarray:
    wave = peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.tile(wave, (2, 1)).astype(np.float32)


def clips(**samples: np.ndarray) -> dict[str, Clip]:
    return {name: Clip(each.astype(np.float32), RATE) for name, each in samples.items()}


def level_db(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-30)


@pytest.mark.parametrize("sample_rate", RATES)
def test_random_jobs_add_up_in_floats_and_exactly_in_24_bits(sample_rate: int):
    found = [nulls(random_job(seed, sample_rate, of_seconds=0.15)) for seed in range(JOBS)]
    assert max(each.after_adding_up_dbfs for each in found) <= -120.0
    assert max(each.after_gain_dbfs for each in found) <= -120.0
    assert {each.units_off for each in found} == {0}
    # That this says something: among them are stems gated whole and sets turned down.
    assert sum(bool(each.silent) for each in found) > JOBS // 4
    assert sum(each.gain_db < 0 for each in found) > JOBS // 4


def test_what_estimates_miss_goes_to_the_stem_that_plays_at_that_pitch():
    # 200 Hz is the bass's, 2 kHz the melody's; each estimate misses a tenth of its own tone.
    low, high = tone(200, 0.5), tone(2_000, 0.5)
    got = add_up(Clip(low + high, RATE), clips(bass=0.9 * low, melody=0.9 * high))
    assert level_db(got.clips["bass"].samples - low) < level_db(low) - 60
    assert level_db(got.clips["melody"].samples - high) < level_db(high) - 60


def test_a_stem_without_sound_stays_without_whatever_the_others_miss():
    random = np.random.default_rng(3)
    music = 0.1 * random.standard_normal((2, RATE)).astype(np.float32)
    got = add_up(Clip(music, RATE), clips(drums=0.5 * music, vocals=0 * music))
    assert got.silent == ("vocals",)
    assert np.array_equal(got.clips["drums"].samples, music)


def test_a_mix_that_no_stem_was_found_in_is_all_melody():
    music = tone(440, 0.1, 0.1)
    got = add_up(Clip(music, RATE), clips(drums=0 * music, melody=0 * music, vocals=0 * music))
    assert got.silent == ("drums", "vocals")
    assert np.array_equal(got.clips["melody"].samples, music)


def test_dust_in_a_stem_s_rests_moves_to_the_loudest_and_its_notes_stay():
    # Dust at -80 dBFS peak is -83 dB in mean square; the mix is 70 dB over it.
    random = np.random.default_rng(4)
    music, dust = tone(300, 0.3, 3), 1e-4 * random.uniform(-1, 1, (2, 3 * RATE))
    sung = tone(1_000, 0.2, 3)
    sung[:, : 2 * RATE] = 0  # a rest of 2 s, then a note
    voice = (sung + dust).astype(np.float32)
    mix = Clip(music + voice, RATE)
    got = add_up(mix, clips(bass=music, vocals=voice))
    assert not got.clips["vocals"].samples[:, : round(1.4 * RATE)].any()
    heard = slice(round(1.8 * RATE), None)
    assert np.abs(got.clips["vocals"].samples[:, heard] - voice[:, heard]).max() < 1e-6
    assert got.silent == ()


def test_silence_is_silent_in_every_stem():
    nothing = np.zeros((2, RATE), np.float32)
    dust = 1e-7 * np.ones((2, RATE))
    got = add_up(Clip(nothing, RATE), clips(drums=dust, bass=-dust))
    assert got.silent == ("drums", "bass")
    assert silent_stems(Clip(nothing, RATE), clips(drums=nothing)) == ("drums",)


def test_quiet_music_is_music_and_no_dust():
    # -66 dBFS peak, all of it: nothing is 40 dB louder, so nothing is dust.
    low, high = tone(200, 5e-4), tone(2_000, 5e-4)
    got = add_up(Clip(low + high, RATE), clips(bass=low, melody=high))
    assert got.silent == ()
    assert np.abs(got.clips["melody"].samples - high).max() < 1e-9


@pytest.mark.parametrize("frames", [1, 511, 2_049])
def test_clips_shorter_than_any_window_add_up(frames: int):
    random = np.random.default_rng(frames)
    music = random.uniform(-0.5, 0.5, (2, frames)).astype(np.float32)
    got = add_up(Clip(music, RATE), clips(drums=0.3 * music, bass=0.3 * music[:, ::-1]))
    total = sum(clip.samples.astype(np.float64) for clip in got.clips.values())
    assert np.abs(total - music).max() <= 1e-6  # -120 dBFS


def test_long_clips_worked_on_in_pieces_get_what_they_get_in_one(monkeypatch: pytest.MonkeyPatch):
    job = random_job(9, RATE, of_seconds=2)
    whole = add_up(job.mix, job.estimates)
    monkeypatch.setattr(consistency, "PIECE_FRAMES", 20 * consistency.HOP_FRAMES)
    parts = add_up(job.mix, job.estimates)
    assert parts.silent == whole.silent
    for stem in STEMS:
        error = parts.clips[stem].samples - whole.clips[stem].samples
        assert np.abs(error).max() < 1e-6  # float32 rounding of transforms


def test_whole_numbers_that_round_apart_are_mended_in_the_loudest_stem():
    # In 4 bits a unit is 1/8. 0.16, 0.05 and 0.05 are 1.28, 0.4 and 0.4 units and round to 1, 0, 0;
    # their sum 0.26 is 2.08 units and rounds to 2: one is missing, and the loudest gets it.
    one = np.ones((2, 3), np.float32)
    parts = clips(drums=0.05 * one, bass=0.16 * one, vocals=0.05 * one)
    mix, whole = to_integers(Clip(0.26 * one, RATE), parts, bits=4)
    assert mix[0, 0] == 2
    assert {name: int(each[0, 0]) for name, each in whole.items()} == {
        "drums": 0, "bass": 2, "vocals": 0,
    }  # fmt: skip


def test_sixteen_bits_are_dithered_and_still_sum_exactly():
    # A tone of 0.4 units, which rounding would make nothing of; TPDF noise and rounding leave an
    # error of 1/4 unit squared, the loudest stem has that of the mix and two others as well.
    parts = {"drums": tone(50, 0.3), "bass": tone(440, 0.4 / 2**15), "vocals": tone(90, 0.2)}
    mix, stems = Clip(sum(parts.values()), RATE), clips(**parts)
    whole_mix, whole = to_integers(mix, stems, 16, dither_for(16))
    assert np.array_equal(sum(whole.values()), whole_mix)
    wanted = parts["bass"].astype(np.float64) * 2**15
    assert np.vdot(whole["bass"], wanted) / np.vdot(wanted, wanted) == pytest.approx(1, abs=0.03)
    for name, units in (("bass", 0.25), ("vocals", 0.25), ("drums", 3 * 0.25)):
        error = whole[name] - parts[name].astype(np.float64) * 2**15
        assert np.square(error).mean() == pytest.approx(units, rel=0.05), name
    again = to_integers(mix, stems, 16, dither_for(16))
    assert np.array_equal(again[0], whole_mix), "the same bytes each time"


def test_what_is_whole_already_is_not_dithered():
    quarter = np.full((2, 50), 0.25, np.float32)
    other = np.full((2, 50), 0.1, np.float32)
    parts = clips(drums=quarter, bass=other, vocals=np.zeros((2, 50), np.float32))
    _, whole = to_integers(Clip(quarter + other, RATE), parts, 16, dither_for(16))
    assert set(np.unique(whole["drums"])) == {2**13} and not whole["vocals"].any()
    assert len(np.unique(whole["bass"])) > 1
    assert dither_for(24) is None


def test_a_full_scale_stem_leaves_the_correction_to_one_with_room():
    # 4 bits hold up to 7 units: 1.0 is 8 and is cut to 7, so is the mix; -0.05 is -0.4 -> 0.
    one = np.ones((2, 3), np.float32)
    parts = clips(drums=one, bass=-0.2 * one, vocals=0.2 * one)
    mix, whole = to_integers(Clip(one, RATE), parts, bits=4)
    assert np.array_equal(sum(whole.values()), mix)
    assert max(int(each.max()) for each in whole.values()) <= 7


def test_whole_numbers_refuse_what_they_cannot_hold_or_what_was_no_sum():
    music = tone(440, 0.9, 0.1)
    with pytest.raises(StemError, match=r"peaks at \+5.11 dBFS; 24-bit PCM holds"):  # 20 log10 1.8
        to_integers(Clip(2 * music, RATE), clips(drums=music, bass=music))
    with pytest.raises(StemError, match="they do not add up"):
        to_integers(Clip(music, RATE), clips(drums=0.5 * music))
    with pytest.raises(StemError, match="bits must be from 2 to 32, not 64"):
        to_integers(Clip(music, RATE), clips(drums=music), bits=64)


def test_stems_of_another_shape_or_name_are_refused():
    music = tone(440, 0.1, 0.1)
    with pytest.raises(StemError, match=r"stem bass has the shape \(2, 9\) at 44100 Hz"):
        add_up(Clip(music, RATE), clips(bass=music[:, :9]))
    with pytest.raises(StemError, match="not 'kazoo'"):
        add_up(Clip(music, RATE), clips(kazoo=music))
    with pytest.raises(StemError, match="at least one stem"):
        add_up(Clip(music, RATE), {})
