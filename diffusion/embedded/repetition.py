"""Averages the rhythm of similar bars while latents are sampled, so that patterns repeat.

Each bar decides on its doubtful hits by its own noise, so bars that should be equal come out equal
only in part. Non-local means (Buades, Coll and Morel 2005, there over patches of pictures) corrects
that: at every step of the sampling the rhythm of a bar is moved towards the mean of all bars of its
length, each weighted by its similarity. A verse follows the other verses; a fill stays a fill.
Pitches are not changed: they follow the harmony.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch

from diffusion.embedded.latents import LAYOUT

# How far each part's rhythm goes towards the mean: a drummer varies more than a bass line does.
SHARE = {"drums": 0.5, "bass": 1.0, "comp": 1.0}
_SIMILARITY = 0.1  # bars whose patterns have an F1 this much under 1 weigh 1/e


def averaging(downbeats: list[int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function from latents (batch, frames, channels) to new ones with averaged bars.

    `downbeats` are the frames where bars begin, and the end of the last bar.
    """
    by_length: dict[int, list[int]] = {}
    for begin, end in itertools.pairwise(downbeats):
        by_length.setdefault(end - begin, []).append(begin)
    # (bars, frames) indices for every length that occurs more than once
    places = [
        torch.tensor(begins)[:, None] + torch.arange(length)
        for length, begins in by_length.items()
        if len(begins) > 1
    ]

    def average(clean: torch.Tensor) -> torch.Tensor:
        out = clean.clone()
        for frames in places:
            for part, share in SHARE.items():
                channels = torch.tensor(_rhythm(part))
                bars = clean[:, frames][..., channels]  # (batch, bars, frames, channels)
                weight = _weights(bars[..., : len(channels) - 1])
                mean = torch.einsum("bij,bjfc->bifc", weight, bars)
                out[:, frames.unsqueeze(-1), channels] = bars + share * (mean - bars)
        return out

    return average


def _rhythm(part: str) -> list[int]:
    """Return the channels with the onsets of `part`; the offset channel is the last."""
    notes = LAYOUT.notes[part]
    hits = range(notes.start, notes.stop) if part == "drums" else [LAYOUT.onset[part]]
    return [*hits, LAYOUT.offset[part]]


def _weights(bars: torch.Tensor) -> torch.Tensor:
    """Return (batch, bars, bars) weights, rows summing to 1, of hits (batch, bars, frames, n).

    Similarity is the F1 of two bars' hits, each hit counted by its probability.
    """
    chance = ((bars + 1.0) / 2.0).clamp(0.0, 1.0).flatten(2)
    common = chance @ chance.transpose(1, 2)
    own = chance.square().sum(-1)
    similar = (2.0 * common + 1e-3) / (own[:, :, None] + own[:, None] + 1e-3)
    return torch.softmax((similar - 1.0) / _SIMILARITY, dim=-1)
