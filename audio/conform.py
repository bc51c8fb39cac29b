"""Bring a recording onto the grid it was meant for: found beats to asked beats, to the frame.

One warp serves the mix and all stems, which go through one call of the stretcher, so that they
still add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from audio.beats import Beats
from audio.clip import Clip, Samples, check_same_shape
from audio.counting import AS_ASKED, Counting
from audio.loop import fold_tail, settle_wrap
from audio.plan import COPIED_FRAMES, MAX_STRETCH_PERCENT, plan_conform
from audio.report import Conforming
from audio.residue import adds_up, residue
from audio.stretch import cut
from audio.stretch_helpers import StretchHelpers
from audio.warp import Warp
from midi.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Conformed:
    """A mix and its stems on the grid, `facts.frames` (the bars) and `facts.tail_frames` long.

    `warp` is None where the sound already lay on the grid and was only cut to length.
    """

    mix: Clip
    stems: Mapping[str, Clip]
    beats: Beats
    warp: Warp | None
    facts: Conforming


def conform(
    mix: Clip,
    grid: Grid,
    *,
    stems: Mapping[str, Clip] | None = None,
    expected: Grid | None = None,
    tail_seconds: float = 0.0,
    loop: bool = False,
    max_stretch_percent: float = MAX_STRETCH_PERCENT,
    counting: Counting = AS_ASKED,
) -> Conformed:
    """Cut and stretch `mix`, and its stems alike, to the bars of `grid`, frame for frame.

    `expected` is the grid the recording follows within 8 % if that is not `grid` itself (one at
    a constant tempo, say, for a target of many); its bars have the same meters. With
    `tail_seconds` the sound rings on after the last bar, with `loop` that ringing is folded into
    the beginning. `counting` is what the user says of it. Where the stems add up to the mix they do
    so afterwards; what they leave of it is stretched beside them. Raises CannotConform with what
    was measured, or AudioError.
    """
    stems = dict(stems or {})
    check_same_shape(mix, {f"stem {name}": clip for name, clip in stems.items()})
    parts = _parts(mix, stems)
    channels = mix.channels * len(parts)

    def read(first: int, stop: int) -> Samples:
        return np.concatenate([cut(samples, first, stop) for samples in parts.values()])

    with StretchHelpers(channels * mix.seconds) as helpers:
        plan = plan_conform(
            mix, grid, expected=expected, tail_seconds=tail_seconds, loop=loop,
            max_stretch_percent=max_stretch_percent, counting=counting,
        )  # fmt: skip
        sound, at = np.empty((channels, plan.whole_frames), np.float32), 0
        for block in plan.blocks(read, helpers.stretch):
            sound[:, at : at + block.shape[1]] = block
            at += block.shape[1]
    if loop:
        sound = fold_tail(sound, plan.lead_frames, plan.facts.frames)
        settle_wrap(sound, mix.channels, mix.sample_rate)
    facts = replace(plan.facts, tail_frames=0) if loop else plan.facts
    made = sound.reshape(len(parts), mix.channels, -1)
    total = Clip(made.sum(axis=0, initial=0), mix.sample_rate)
    clips = {name: Clip(part, mix.sample_rate) for name, part in zip(parts, made, strict=True)}
    clips.pop("", None)
    return Conformed(total, clips, plan.beats, plan.warp, facts)


def _parts(mix: Clip, stems: Mapping[str, Clip]) -> dict[str, Samples]:
    """What is stretched: the stems and what they leave of the mix, if anything; or the mix."""
    if not stems:
        return {"": mix.samples}
    parts = {name: clip.samples for name, clip in stems.items()}
    rest = np.empty_like(mix.samples)
    for first in range(0, mix.frames, COPIED_FRAMES):
        here = slice(first, first + COPIED_FRAMES)
        rest[:, here] = residue(mix.samples[:, here], (part[:, here] for part in parts.values()))
    return parts if adds_up(Clip(rest, mix.sample_rate).peak, mix.peak) else parts | {"": rest}
