"""Bars that are alike agree on their rhythm while they are written; others are left alone."""

from __future__ import annotations

import torch

from diffusion.embedded.latents import LAYOUT
from diffusion.embedded.repetition import averaging

BAR = 48  # 4/4, 12 frames a beat
ONSET = LAYOUT.onset["bass"]


def music(*bars: tuple[int, ...]) -> torch.Tensor:
    """Bars of bass onsets at these frames; everything else is silent."""
    latents = torch.full((1, BAR * len(bars), LAYOUT.channels), -1.0)
    for index, hits in enumerate(bars):
        for frame in hits:
            latents[0, index * BAR + frame, ONSET] = 1.0
    return latents


def downbeats(bars: int) -> list[int]:
    return [BAR * bar for bar in range(bars + 1)]


def test_a_hit_that_all_other_bars_have_is_filled_in() -> None:
    # Three bars strike 0, 12, 24, 36; the fourth is unsure (0: even chances) of the last.
    latents = music(*[(0, 12, 24, 36)] * 3, (0, 12, 24))
    latents[0, 3 * BAR + 36, ONSET] = 0.0
    agreed = averaging(downbeats(4))(latents)
    # F1 of its chances with the others: 2 * 3.5 / (4 + 3.25) = 0.966, so all four weigh about
    # alike and the mean is near (3 * 1 + 0) / 4.
    assert 0.6 < float(agreed[0, 3 * BAR + 36, ONSET]) < 0.8


def test_a_bar_of_another_pattern_is_left_as_it_is() -> None:
    latents = music((0, 12, 24, 36), (0, 12, 24, 36), (6, 18, 30, 42), (6, 18, 30, 42))
    agreed = averaging(downbeats(4))(latents)
    # No hit in common: F1 0, weight e^-10 against 1; values lie 2 apart.
    assert float((agreed - latents).abs().max()) < 2 * 2 * 2.72**-10


def test_pitches_timbre_and_level_are_not_touched() -> None:
    torch.manual_seed(1)
    latents = torch.randn(1, 4 * BAR, LAYOUT.channels)
    agreed = averaging(downbeats(4))(latents)
    moved = (agreed - latents).abs().amax((0, 1)).nonzero().flatten().tolist()
    drums = LAYOUT.notes["drums"]
    rhythm = [*range(drums.start, drums.stop), LAYOUT.offset["drums"]]
    for part in ("bass", "comp"):
        rhythm += [LAYOUT.onset[part], LAYOUT.offset[part]]
    assert moved == sorted(rhythm)


def test_bars_of_different_lengths_do_not_speak_to_each_other() -> None:
    latents = torch.randn(1, 48 + 36, LAYOUT.channels)
    assert torch.equal(averaging([0, 48, 84])(latents), latents)
