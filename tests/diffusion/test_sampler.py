"""Long pieces are generated in windows that overlap; no frame is generated twice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffusion.embedded import intent
from diffusion.embedded.backbone import PATCH_FRAMES, Backbone
from diffusion.embedded.intent import CONTEXT_CHANNELS, WINDOW_FRAMES, Intent
from diffusion.embedded.latents import LAYOUT, PARTS, encode
from diffusion.embedded.note_extraction import decode
from diffusion.embedded.sampler import OVERLAP_FRAMES, generate_latents, windows
from midi.grid import Grid
from midi.key import Key

NO_WORDS = (0,) * 8


@pytest.fixture(scope="module")
def network() -> Backbone:
    """A real network of the smallest size with random weights."""
    torch.manual_seed(3)
    return Backbone(hidden=64, layers=2, heads=1).eval()


def asked(bars: int, meter: str = "4/4") -> Intent:
    return Intent(Grid.constant(120, meter, bars), Key.parse("C major"), "melody", NO_WORDS)


def run(network: Backbone, bars: int, seed: int = 1, **more: object) -> np.ndarray:
    return generate_latents(
        network,
        asked(bars),
        seed,
        step=lambda done: None,
        steps=2,
        **more,  # type: ignore[arg-type]
    )


def test_a_piece_of_nine_bars_fits_one_window() -> None:
    # 9 bars x 4 beats x 12 frames = 432.
    assert windows(432, [48 * bar for bar in range(10)]) == [0]


def test_every_window_begins_at_a_bar_and_continues_enough_music() -> None:
    bars = [48 * bar for bar in range(129)]
    starts = windows(bars[-1], bars)
    assert set(starts) <= set(bars)
    for before, after in itertools.pairwise(starts):
        assert before < after <= before + WINDOW_FRAMES - OVERLAP_FRAMES
    assert starts[-1] + WINDOW_FRAMES >= bars[-1]


def test_a_window_is_whole_tokens() -> None:
    assert WINDOW_FRAMES % PATCH_FRAMES == 0


def test_the_network_takes_the_context_that_is_built() -> None:
    assert CONTEXT_CHANNELS == intent.CHANNELS + LAYOUT.channels + len(PARTS) + 1


@pytest.mark.parametrize("bars", [1, 9, 20])
def test_as_many_frames_come_out_as_the_grid_has(network: Backbone, bars: int) -> None:
    assert run(network, bars).shape == (bars * 48, LAYOUT.channels)


def test_the_same_seed_gives_the_same_latents_and_another_seed_others(network: Backbone) -> None:
    first = run(network, 2)
    assert np.array_equal(first, run(network, 2))
    assert not np.array_equal(first, run(network, 2, seed=2))


def test_what_comes_out_is_struck_or_not_and_the_drums_read_again_are_the_same(
    network: Backbone,
) -> None:
    out = run(network, 20)
    assert set(np.unique(out[:, LAYOUT.binary])) == {-1.0, 1.0}
    drums = LAYOUT.owners == PARTS.index("drums")
    assert np.abs(encode(decode(out, 0, 80.0), 0) - out)[:, drums].max() < 1e-4


def test_a_part_that_is_not_to_play_strikes_nothing(network: Backbone) -> None:
    plays = {"drums": (True, False) * 10, "bass": (False,) * 20}
    out = generate_latents(
        network, replace(asked(20), presence=plays), 1, step=lambda done: None, steps=2
    )
    bar = np.arange(len(out)) // 48
    drums = out[:, LAYOUT.struck("drums")].max(axis=1) > 0
    assert drums[bar % 2 == 0].any() and not drums[bar % 2 == 1].any()
    assert (out[:, LAYOUT.struck("bass")] < 0).all() and (out[:, LAYOUT.notes["bass"]] < 0).all()


def test_sounds_and_levels_stay_the_same_from_window_to_window(network: Backbone) -> None:
    out = run(network, 20)
    constant = np.r_[LAYOUT.timbre["comp"], LAYOUT.gain["comp"]]
    assert (out[:, constant] == out[0, constant]).all()


def test_kept_parts_are_not_touched(network: Backbone) -> None:
    known = np.full((96, LAYOUT.channels), 0.25, np.float32)
    parts = np.zeros((96, len(PARTS)), np.float32)
    parts[:, PARTS.index("drums")] = 1.0
    out = run(network, 2, known=known, known_parts=parts)
    drums = np.flatnonzero(LAYOUT.owners == PARTS.index("drums"))
    others = np.setdiff1d(np.arange(LAYOUT.channels), drums)
    assert np.array_equal(out[:, drums], known[:, drums])
    assert np.abs(out[:, others] - 0.25).max() > 0.01


def test_progress_rises_over_all_windows_to_one(network: Backbone) -> None:
    seen: list[float] = []
    generate_latents(network, asked(20), 1, step=seen.append, steps=2)
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0


def test_a_cancel_stops_before_the_next_step(network: Backbone) -> None:
    calls = 0

    def step(done: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_latents(network, asked(2), 1, step=step, steps=8)
    assert calls == 3
