"""Bring a recording onto the grid it was meant for: found beats to asked beats, to the frame.

One warp serves the mix and all stems, which go through one call of the stretcher, so that they
still add up. What cannot be done well is refused with the figures, never smeared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from audio.beats import Beats, find_beats
from audio.clip import Clip, Samples
from audio.cuts import choose_cuts
from audio.errors import AudioError, CannotConform
from audio.felt_beats import pulse_of
from audio.hearing import Heard, onset_envelope
from audio.loop import fold_tail, settle_wrap
from audio.plan import COPIED_FRAMES, Plan
from audio.pulse import find_pulse
from audio.report import Conforming
from audio.residue import adds_up, residue
from audio.stretch import cut
from audio.stretch_helpers import StretchHelpers
from audio.warp import Warp
from midi.grid import Grid

MAX_STRETCH_PERCENT = 6.0
MAX_TAIL_SECONDS = 30.0
ON_GRID_MEDIAN_SECONDS, ON_GRID_MOST_SECONDS = 0.005, 0.012  # as near is left alone
MAX_MISSING_PULSES = 1.0  # of silence behind a recording that ends early
LEAD_SECONDS = 0.005  # before the first downbeat, of a loop
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.001, 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Conformed:
    """A mix and its stems on the grid, each `frames` (the bars) plus `tail_frames` long.

    `warp` is None where the sound already lay on the grid and was only cut to length.
    `missing_seconds` of silence stand at the end because the recording ended early.
    """

    mix: Clip
    stems: Mapping[str, Clip]
    frames: int
    tail_frames: int
    beats: Beats
    warp: Warp | None
    missing_seconds: float
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
) -> Conformed:
    """Cut and stretch `mix`, and its stems alike, to the bars of `grid`, frame for frame.

    `expected` is the grid the recording follows within 8 % if that is not `grid` itself (one at
    a constant tempo, say, for a target of many); its bars have the same meters. With
    `tail_seconds` the sound rings on after the last bar, with `loop` that ringing is folded into
    the beginning. Where the stems add up to the mix they do so afterwards; what they leave of it
    is stretched beside them. Raises CannotConform with what was measured, or AudioError.
    """
    stems = dict(stems or {})
    _check(mix, stems)
    parts = _parts(mix, stems)
    channels = mix.channels * len(parts)
    with StretchHelpers(channels * mix.seconds) as helpers:
        plan = plan_conform(
            mix, grid, expected=expected, tail_seconds=tail_seconds, loop=loop,
            max_stretch_percent=max_stretch_percent,
        )  # fmt: skip
        sound, at = np.empty((channels, plan.whole_frames), np.float32), 0
        for block in plan.blocks(partial(_read, list(parts.values())), helpers.stretch):
            sound[:, at : at + block.shape[1]] = block
            at += block.shape[1]
    if loop:
        sound = fold_tail(sound, plan.lead_frames, plan.frames)
        settle_wrap(sound, mix.channels, mix.sample_rate)
    return _conformed(sound, parts, mix, plan, 0 if loop else plan.tail_frames)


def plan_conform(
    mix: Clip,
    grid: Grid,
    *,
    expected: Grid | None = None,
    tail_seconds: float = 0.0,
    loop: bool = False,
    max_stretch_percent: float = MAX_STRETCH_PERCENT,
    heard: Heard | None = None,
) -> Plan:
    """Find the beats of a mix (its mono sum does) and what brings them onto the grid.

    As `conform` has it; `heard` is audio.hearing.hear(mix), where that is at hand.
    """
    _check_options(tail_seconds, max_stretch_percent, expected, grid)
    beats = find_beats(mix, expected or grid, heard)
    if beats is None:
        raise CannotConform("nothing in it recurs that beats could be found by")
    if beats.doubt:
        raise CannotConform(f"{beats.doubt}{_heard_instead(mix, expected or grid)}")
    warp = _warp(beats, grid)
    missing = _missing_seconds(warp, mix, grid)
    worst = _worst_stretch(warp, grid)
    if abs(worst) > max_stretch_percent:
        raise CannotConform(
            f"it would have to be stretched by {worst:+.1f} %, the limit is "
            f"{max_stretch_percent:g} %{_heard_instead(mix, expected or grid)}"
        )
    rate, frames = mix.sample_rate, grid.frames(mix.sample_rate)
    tail = _tail_frames(warp, mix, grid, tail_seconds, loop)
    lead = round(LEAD_SECONDS * rate) if loop else 0
    on_grid = _is_on_grid(beats, warp, grid)
    cuts_in = not on_grid and warp.source_at(np.zeros(1))[0] > 0
    cuts_out = not on_grid or mix.frames != frames + tail
    return Plan(
        beats=beats,
        warp=None if on_grid else warp,
        cuts=None if on_grid else choose_cuts(warp, beats.onsets, rate, -lead, frames + tail),
        sample_rate=rate,
        frames=frames,
        tail_frames=tail,
        lead_frames=lead,
        fade_in_frames=round(FADE_IN_SECONDS * rate) if cuts_in and not loop else 0,
        fade_out_frames=round(FADE_OUT_SECONDS * rate) if cuts_out and not loop else 0,
        missing_seconds=missing,
        facts=Conforming(
            untouched=on_grid,
            first_downbeat_seconds=round(float(beats.seconds[0]), 4),
            most_stretch_percent=0.0 if on_grid else round(worst, 3),
            missing_seconds=round(missing, 4),
            downbeat_confidence=round(beats.downbeat_confidence, 3),
            score=round(beats.score, 3),
            rival=round(beats.rival, 3),
            miss_ms=round(1000 * beats.miss_seconds, 2),
            frames=frames,
            tail_frames=tail,
        ),
    )


def _warp(beats: Beats, grid: Grid) -> Warp:
    """From the beats found to their places on the grid; at least the first bar is needed."""
    wanted = beats.beats <= float(grid.beats)
    if wanted.sum() < 4:
        raise CannotConform(f"only {int(wanted.sum())} of its beats were found")
    target = [float(grid.seconds_at(beat)) for beat in beats.beats[wanted]]
    return Warp(beats.seconds[wanted], np.array(target))


def _missing_seconds(warp: Warp, mix: Clip, grid: Grid) -> float:
    """Seconds of the last bar that the recording does not have; raises CannotConform."""
    end = float(grid.seconds)
    ends = float(warp.target_at(np.array([mix.seconds]))[0])
    pulse = float(grid.seconds) / (float(grid.beats) / float(pulse_of(grid)[0]))
    if end - ends > MAX_MISSING_PULSES * pulse:
        bars = sum(float(grid.seconds_at(line)) <= ends for line in grid.bar_starts[1:])
        refusal = CannotConform(
            f"it ends {end - ends:.2f} s before bar {grid.bars} does; "
            f"it holds {bars} whole bar{'s' if bars != 1 else ''}"
        )
        refusal.bars_held = bars
        raise refusal
    return max(0.0, end - ends)


def _worst_stretch(warp: Warp, grid: Grid) -> float:
    inside = warp.target_seconds[:-1] < float(grid.seconds)
    return float(max(warp.stretch_percent[inside], key=abs))


def _is_on_grid(beats: Beats, warp: Warp, grid: Grid) -> bool:
    off = np.abs(warp.source_seconds - warp.target_seconds)
    return bool(np.median(off) <= ON_GRID_MEDIAN_SECONDS and off.max() <= ON_GRID_MOST_SECONDS)


def _heard_instead(mix: Clip, grid: Grid) -> str:
    """What the pulse of the whole recording says, for the message of a refusal."""
    envelope = onset_envelope(mix)
    pulse = find_pulse(envelope, grid) if envelope else None
    if pulse is None:
        return "; no steady pulse was heard"
    return f"; its pulse is {pulse.rate * grid.bpm:.2f} bpm, {grid.bpm:g} was asked"


def _tail_frames(warp: Warp, mix: Clip, grid: Grid, seconds: float, loop: bool) -> int:
    """How much rings on: what was asked, or for a loop what there is, up to the loop's length."""
    if not loop:
        return round(seconds * mix.sample_rate)
    there = float(warp.target_at(np.array([mix.seconds]))[0]) - float(grid.seconds)
    return int(min(max(0.0, there), float(grid.seconds), MAX_TAIL_SECONDS) * mix.sample_rate)


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


def _read(parts: Sequence[Samples], first: int, stop: int) -> Samples:
    return np.concatenate([cut(samples, first, stop) for samples in parts])


def _conformed(
    sound: Samples, parts: Mapping[str, Samples], mix: Clip, plan: Plan, tail_frames: int
) -> Conformed:
    clips, total = {}, np.zeros((mix.channels, sound.shape[1]), np.float32)
    for index, name in enumerate(parts):
        samples = sound[index * mix.channels : (index + 1) * mix.channels]
        clips[name] = Clip(samples, mix.sample_rate)
        total += samples
    clips.pop("", None)
    return Conformed(
        Clip(total, mix.sample_rate), clips, plan.frames, tail_frames, plan.beats, plan.warp,
        plan.missing_seconds, replace(plan.facts, tail_frames=tail_frames),
    )  # fmt: skip


def _check(mix: Clip, stems: Mapping[str, Clip]) -> None:
    for name, clip in stems.items():
        if (clip.sample_rate, clip.samples.shape) != (mix.sample_rate, mix.samples.shape):
            raise AudioError(
                f"stem {name} must have the mix's rate and shape {mix.sample_rate} "
                f"{mix.samples.shape}, not {clip.sample_rate} {clip.samples.shape}"
            )


def _check_options(
    tail_seconds: float, max_stretch_percent: float, expected: Grid | None, grid: Grid
) -> None:
    if not 0 <= tail_seconds <= MAX_TAIL_SECONDS:
        raise AudioError(f"tail must be from 0 to {MAX_TAIL_SECONDS:g} s, not {tail_seconds:g}")
    if not 0 < max_stretch_percent <= 50:
        raise AudioError(
            f"max-stretch must be over 0 and at most 50 %, not {max_stretch_percent:g}"
        )
    if expected is not None and expected.bar_starts != grid.bar_starts:
        raise AudioError("the grid expected must have the bars and meters of the grid asked for")
