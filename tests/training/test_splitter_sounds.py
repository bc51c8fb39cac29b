"""What the splitter's songs are played with, where no soundfont is needed."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion.embedded.decoder.drum_hits import Hit
from training.drum_synthesis import PIECES, play_kit
from training.splitter_sounds import FRAMES, UNSEEN_VOICES, VARIED_VOICES, VOICES, _damping, _thumps

RATE = 44_100


def centre_hz(sound: np.ndarray) -> float:
    """The mean frequency, weighted by energy."""
    power = np.square(np.abs(np.fft.rfft(sound)))
    return float((np.fft.rfftfreq(len(sound), 1 / RATE) * power).sum() / power.sum())


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_of_a_synthetic_kit_begins_with_its_hit(piece: str) -> None:
    sound = play_kit([Hit(RATE / 2, piece, 1.0)], RATE, np.random.default_rng(3))
    assert np.isfinite(sound).all()
    assert not sound[: RATE // 2].any()
    # half of what is heard comes within 150 ms, save of a cymbal
    heard = np.square(sound).sum()
    early = np.square(sound[RATE // 2 : RATE // 2 + int(0.15 * RATE)]).sum()
    assert early > (0.1 if piece in ("crash", "ride", "open_hat") else 0.5) * heard


def test_kicks_are_low_and_hats_are_high_in_every_kit() -> None:
    for seed in range(8):
        draw = np.random.default_rng(seed)
        kick = play_kit([Hit(0, "kick", 1.0)], RATE, draw)
        hat = play_kit([Hit(0, "closed_hat", 1.0)], RATE, draw)
        assert centre_hz(kick) < 400 < 4000 < centre_hz(hat)


def test_a_softer_hit_is_quieter() -> None:
    hits = [Hit(0, "snare", 1.0), Hit(2 * RATE, "snare", 0.5)]
    sound = play_kit(hits, 4 * RATE, np.random.default_rng(1))
    # 0.5 ** 1.3 = 0.406
    assert np.abs(sound[2 * RATE :]).max() / np.abs(sound[: 2 * RATE]).max() == pytest.approx(
        0.406, abs=0.001
    )


def test_damping_falls_from_one_at_every_start() -> None:
    gains = _damping([0.5, 2.0], np.random.default_rng(2))
    assert gains.shape == (FRAMES,)
    assert gains[RATE // 2] == gains[2 * RATE] == 1.0
    falling = gains[RATE // 2 : 2 * RATE]
    assert (np.diff(falling) < 0).all()


def test_a_thump_is_low_and_begins_with_its_note() -> None:
    thumps = _thumps([RATE / 2], np.random.default_rng(4))
    assert not thumps[: RATE // 2].any()
    assert 0.1 < np.abs(thumps).max() <= 1.0
    assert centre_hz(thumps) < 200


def test_the_voices_that_judge_are_never_learnt_from() -> None:
    learnt = {name for name, _ in VOICES} | {f"en-us+{name}" for name in VARIED_VOICES}
    assert learnt.isdisjoint(name for name, _ in UNSEEN_VOICES)
