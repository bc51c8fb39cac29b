"""The splitter's judge, held to sums done by hand and to splits known to be good or bad."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from diffusion.embedded.decoder.decoder import tones_of
from diffusion.embedded.performance import Part, Performance, Played
from training.compose.piece import Piece
from training.judge_splitter import (
    as_the_mix,
    by_filters,
    by_true_shares,
    judge,
    sdr_db,
    verdicts,
)
from training.oscillators import play_patch
from training.splitter_data import as_stored, excerpt_of
from training.splitter_sounds import SECONDS

RATE = 44_100


def tones(*hertz: float, seconds: float = 2.0) -> np.ndarray:
    """A sine a stem, (stems, 2, frames), all of one level."""
    t = np.arange(int(seconds * RATE)) / RATE
    return np.stack([np.tile(0.1 * np.sin(2 * np.pi * hz * t), (2, 1)) for hz in hertz]).astype(
        np.float32
    )


def test_an_error_of_a_tenth_is_20_db() -> None:
    stem = tones(440.0)[0]
    assert sdr_db(stem, 0.9 * stem) == pytest.approx(20.0, abs=1e-4)


def test_the_mix_of_four_equal_tones_is_as_good_as_three_errors() -> None:
    stems = tones(100.0, 300.0, 1000.0, 4000.0)
    figures = judge(iter([stems]), {"mix": as_the_mix})["mix"]
    # the error is the three others: 10 log10(1/3) = -4.77 dB
    assert figures["mean"] == pytest.approx(-4.77, abs=0.02)


def test_true_shares_take_tones_apart_that_do_not_meet() -> None:
    stems = tones(100.0, 300.0, 1000.0, 4000.0)
    figures = judge(iter([stems]), {"ceiling": by_true_shares, "mix": as_the_mix})
    assert min(figures["ceiling"].values()) > 25.0  # the ends of the tones are not tones


@pytest.mark.slow
def test_filters_find_clicks_and_what_is_low() -> None:
    stems = tones(60.0, 60.0, 1000.0, 1000.0, seconds=5.0)
    stems[3] = 0.0
    stems[0] = 0.0
    stems[0, :, RATE // 2 :: RATE // 2] = 0.9
    split = by_filters(stems)
    np.testing.assert_allclose(split.sum(0), stems.sum(0), atol=1e-4)
    for index in (0, 1):
        assert sdr_db(stems[index], split[index]) > 3.0
        assert sdr_db(stems[index], split[index]) > sdr_db(stems[index], stems.sum(0)) + 3.0


def test_a_silent_stem_is_not_judged() -> None:
    first, second = tones(100.0, 300.0, 1000.0, 4000.0), tones(100.0, 300.0, 1000.0, 4000.0)
    second[3] *= 1e-4  # -83 dB
    figures = judge(iter([first, second]), {"mix": as_the_mix})
    assert figures["songs"] == {"drums": 2, "bass": 2, "melody": 2, "vocals": 1}


def test_a_faint_stem_is_judged_but_is_not_clear() -> None:
    stems = tones(100.0, 300.0, 1000.0, 4000.0)
    stems[3] *= 0.1  # 20 dB under each of the others, 25 dB under the mix
    figures = judge(iter([stems]), {"mix": as_the_mix})
    assert figures["songs"]["vocals"] == 1 and figures["songs, clear"]["vocals"] == 0
    # the mix is the three others: 10 log10(0.01 / 3) = -24.77 dB
    assert figures["mix"]["vocals"] == pytest.approx(-24.77, abs=0.02)
    # and each of those against the two others and a hundredth: 10 log10(1 / 2.01) = -3.03 dB
    assert figures["mix, clear"]["mean"] == pytest.approx(-3.03, abs=0.02)


def report() -> dict[str, dict[str, dict[str, float]]]:
    names = ("drums", "bass", "melody", "vocals", "mean")
    rows = {"splitter": 9.0, "splitter, clear": 9.0, "mix": 1.0, "baseline": 2.0}
    return {
        name: {way: dict.fromkeys(names, figure) for way, figure in rows.items()}
        for name in ("seen", "unseen", "generator")
    }


def test_every_mark_can_be_reached_and_missed() -> None:
    assert all(verdicts(report(), 25.0).values())
    spoilt = copy.deepcopy(report())
    spoilt["seen"]["splitter"]["mean"] = 6.99
    spoilt["unseen"]["splitter"]["bass"] = 4.9  # 3.9 dB over the mix
    spoilt["generator"]["baseline"]["mean"] = 9.1
    spoilt["generator"]["splitter, clear"]["mean"] = 7.9
    missed = [mark for mark, reached in verdicts(spoilt, 24.9).items() if not reached]
    assert missed == [
        "seen_mean",
        "unseen_each_over_mix",
        "generator_clear_mean",
        "generator_over_baseline",
        "real_time",
    ]


def piece() -> Piece:
    """Sixteen bars at 120: bass throughout, drums from bar 9, a voice in the last bar."""
    bass = tuple(Played(float(b), 1.0, 33, 0.8) for b in range(64))
    drums = tuple(Played(float(b), 0.25, 36, 0.8) for b in range(32, 64))
    vocals = tuple(Played(60 + b, 1.0, 60, 0.8, "L AA") for b in range(4))
    performance = Performance(
        64.0, {"bass": Part(bass, "finger"), "drums": Part(drums, "room"),
               "vocals": Part(vocals, "alto")}
    )  # fmt: skip
    return Piece("pop", (), 120.0, "4/4", 16, 0, "major", "vocals", (), "rules:1", (), (), (),
                 "loop", {}, performance)  # fmt: skip


def test_an_excerpt_is_where_most_stems_play() -> None:
    excerpt = excerpt_of(piece(), np.random.default_rng(0))
    # 12 s are 24 beats; only from bar 11 (beat 40) on do they hold the voice of beats 60 to 63
    first = min(n.start_beats for n in excerpt.performance.parts["vocals"].notes)
    assert first == 20.0
    assert float(excerpt.grid.seconds) >= SECONDS


def test_a_patch_plays_at_the_pitch_of_its_notes() -> None:
    excerpt = excerpt_of(piece(), np.random.default_rng(0))
    notes = tones_of(excerpt.performance.parts["bass"], excerpt.grid, RATE)
    for seed in range(3):
        sound = play_patch(notes, RATE * 2, "bass", np.random.default_rng(seed))
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        # A1 is 55 Hz; a bin is half of one, and the octave is twice as far
        assert np.argmax(spectrum[:250]) / 2 == pytest.approx(55.0, abs=1.0)


def test_stored_songs_do_not_clip() -> None:
    stems = np.full((4, 2, 10), 0.4, np.float32)
    stored = as_stored(stems)
    # the mix is 1.6, four times a stem: 32000 / 4
    assert stored.dtype == np.int16 and np.abs(stored.astype(int).sum(0)).max() == 32000
