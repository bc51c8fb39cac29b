"""The mix: as loud and as wide as it should be, seamless in a loop, and the same for every stem."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from audio.clip import Clip
from audio.loudness import measure_loudness
from audio.stem_names import STEMS
from diffusion.embedded.mix import gain
from diffusion.embedded.mix.bus import Bus, mixed, mixed_as
from diffusion.embedded.mix.sound import balance_of, room_of
from diffusion.embedded.mix.space import joined, middle_and_sides, responses
from diffusion.embedded.vocabulary import STYLES
from diffusion.errors import EngineError

SECONDS = 4


def band(sample_rate: int = 48_000, quiet: float = 1.0) -> dict[str, Clip]:
    """Four seconds that repeat: hits on each half second, two held notes, a pulsed voice; mono."""
    draw = np.random.default_rng(5)
    time = np.arange(SECONDS * sample_rate) / sample_rate
    beat = np.exp(-20 * (time % 0.5))
    sounds = {
        "drums": 0.5 * beat * draw.standard_normal(len(time)),
        "bass": 0.2 * np.sin(2 * np.pi * 55 * time) * (0.2 + beat),
        "melody": 0.1 * np.sign(np.sin(2 * np.pi * 330 * time)),
        "vocals": 0.1 * np.sin(2 * np.pi * 440 * time) * (time % 2 < 1),
    }
    return {
        stem: Clip((quiet * np.stack([sound, sound])).astype(np.float32), sample_rate)
        for stem, sound in sounds.items()
    }


def total(stems: Mapping[str, Clip]) -> Clip:
    first = next(iter(stems.values()))
    return Clip(np.sum([clip.samples for clip in stems.values()], axis=0), first.sample_rate)


@pytest.mark.parametrize(("rate", "quiet"), [(44_100, 1.0), (48_000, 0.05)])
@pytest.mark.parametrize("target", [-14.0, -20.0])
def test_the_mix_has_the_loudness_asked_for_and_no_peak_over_the_limit(
    rate: int, quiet: float, target: float
) -> None:
    stems, _ = mixed(band(rate, quiet), "pop", target, wraps=False)
    found = measure_loudness(total(stems))
    assert found.lufs == pytest.approx(target, abs=0.2)  # LU; 1 is promised
    assert found.true_peak_dbtp <= -1.0


@pytest.mark.parametrize("style", ["pop", "ambient", "hiphop"])
def test_the_sides_are_heard_and_a_mono_sum_loses_nothing(style: str) -> None:
    left, right = total(mixed(band(), style, -14.0, wraps=True)[0]).samples.astype(float)
    sides_db = 10 * np.log10(np.square(left - right).sum() / np.square(left + right).sum())
    assert -10 < sides_db < -4
    assert np.corrcoef(left, right)[0, 1] < 0.85
    parts = middle_and_sides(
        band()["melody"].samples, responses("melody", room_of(style), 48_000), wraps=True
    )
    narrow, wide = (joined(parts.clone(), 1.0, width) for width in (0.3, 2.5))
    # Rounding of float32 sums of samples within 1: some 2^-23 each.
    assert float((narrow.sum(0) - wide.sum(0)).abs().max()) < 1e-6


def test_a_stem_alone_is_mixed_as_with_the_others() -> None:
    stems, bus = mixed(band(), "funk", -14.0, wraps=True)
    kept = Bus.from_plain(bus.as_plain(), stems["bass"].frames, 48_000)
    alone = mixed_as({"bass": band()["bass"]}, kept)
    assert np.array_equal(alone["bass"].samples, stems["bass"].samples)


def test_a_loop_sounds_the_same_wherever_it_is_cut() -> None:
    turn = 500 * gain.hop_frames(48_000)  # one second
    turned = {stem: Clip(np.roll(c.samples, turn, 1), 48_000) for stem, c in band().items()}
    here = total(mixed(band(), "ballad", -14.0, wraps=True)[0]).samples
    there = total(mixed(turned, "ballad", -14.0, wraps=True)[0]).samples
    # Gains are rounded to 0.01 dB, and the loudness found differs by what blocks begin where.
    assert np.abs(np.roll(here, turn, 1) - there).max() < 0.02


def test_what_does_not_wrap_ends_in_silence() -> None:
    mix = total(mixed(band(), "ballad", -14.0, wraps=False)[0])
    assert np.abs(mix.samples[:, -1]).max() < 1e-6


def test_silence_stays_silence() -> None:
    still = {stem: Clip(np.zeros((2, 48_000), np.float32), 48_000) for stem in STEMS}
    stems, _ = mixed(still, "pop", -14.0, wraps=True)
    assert max(clip.peak for clip in stems.values()) == 0.0


def test_two_runs_give_the_same_samples() -> None:
    one, other = (mixed(band(), "house", -14.0, wraps=True)[0] for _ in range(2))
    assert all(np.array_equal(one[stem].samples, other[stem].samples) for stem in STEMS)


def test_the_gain_comes_back_from_text_as_it_was() -> None:
    curve = np.round(np.linspace(-12, 6, 1001) / gain.STEP_DB) * gain.STEP_DB
    back = gain.from_text(gain.as_text(curve), 1000 * 96, 48_000)
    assert np.abs(back - curve).max() < 1e-9
    with pytest.raises(EngineError, match="has 1001 moments, not 501"):
        gain.from_text(gain.as_text(curve), 500 * 96, 48_000)


@pytest.mark.parametrize("broken", [{}, {"levels_db": {"drums": "x"}}, {"levels_db": 3}])
def test_a_mix_that_cannot_be_read_is_refused_in_a_sentence(broken: dict[str, object]) -> None:
    with pytest.raises(EngineError, match="the mix in the score cannot be read"):
        Bus.from_plain(broken, 48_000, 48_000)


def test_a_gain_that_cannot_be_read_is_refused_in_a_sentence() -> None:
    with pytest.raises(EngineError, match="the gain in the score cannot be read"):
        gain.from_text("no gain", 48_000, 48_000)


def test_every_style_has_a_balance_and_a_room_of_its_own() -> None:
    from diffusion.embedded.mix import sound

    assert set(sound._STYLES) == {"", *STYLES}
    for style in STYLES:
        assert room_of(style) in sound.ROOMS.values()
        assert all(-20 < balance_of(style).of(stem) < 0 for stem in STEMS)
