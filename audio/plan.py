"""A plan: how a recording is brought onto a grid, from its beats to where it is cut and stretched.

What cannot be done well is refused with the figures, never smeared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audio.beats import Beats
from audio.clip import Clip, Samples
from audio.counting import AS_ASKED, Counting, find_counted_beats
from audio.errors import AudioError, CannotConform
from audio.features import Features, Floats, audible, onset_envelope
from audio.pulse import find_pulse, pulse_of
from audio.report import Conforming
from audio.stretch import Read, Stretcher, stretched
from audio.warp import Warp, choose_cuts
from midi.grid import Grid

MAX_STRETCH_PERCENT = 6.0
MAX_TAIL_SECONDS = 30.0
ON_GRID_MEDIAN_SECONDS, ON_GRID_MOST_SECONDS = 0.005, 0.012  # as near is left alone
MAX_MISSING_PULSES = 1.0  # of silence behind a recording that ends early
LEAD_SECONDS = 0.005  # before the first downbeat, of a loop
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.001, 0.005
COPIED_FRAMES = 1 << 18  # at a time


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How a recording is brought onto a grid: which frames, cut where, stretched how.

    Made are `facts.frames` of bars, `facts.tail_frames` behind and `lead_frames` in front of them.
    `cuts` are those of audio.stretch; None, as `warp`, where the sound already lies on the grid
    and is only cut to length.
    """

    beats: Beats
    warp: Warp | None
    cuts: tuple[Floats, Floats] | None
    sample_rate: int
    lead_frames: int
    fade_in_frames: int
    fade_out_frames: int
    facts: Conforming

    @property
    def whole_frames(self) -> int:
        """Return the length with its tail, in frames."""
        return self.lead_frames + self.facts.frames + self.facts.tail_frames

    def blocks(self, read: Read, stretcher: Stretcher | None = None) -> Iterator[Samples]:
        """The sound in blocks (channels, n), from `lead_frames` before the first bar on.

        `read` is asked for the source's frames from front to back; `stretcher` stretches pieces.
        """
        if self.cuts:
            blocks = stretched(read, self.sample_rate, *self.cuts, stretcher)
        else:
            stop = self.whole_frames - self.lead_frames
            firsts = range(-self.lead_frames, stop, COPIED_FRAMES)
            blocks = (read(first, min(first + COPIED_FRAMES, stop)) for first in firsts)
        at = 0
        for block in blocks:
            self._fade(block, at)
            at += block.shape[1]
            yield block

    def _fade(self, block: Samples, at: int) -> None:
        """Take the edge off a cut, in place: the same for all channels, so that sums stay sums."""
        if at < self.fade_in_frames:
            rise = np.linspace(0, 1, self.fade_in_frames, dtype=np.float32)[at:]
            rise = rise[: block.shape[1]]
            block[:, : len(rise)] *= rise
        begins = self.whole_frames - self.fade_out_frames
        first = max(begins, at)
        if self.fade_out_frames and at + block.shape[1] > first:
            fall = np.linspace(1, 0, self.fade_out_frames, dtype=np.float32)[first - begins :]
            into = block[:, first - at :]
            into *= fall[: into.shape[1]]


def plan_conform(
    mix: Clip,
    grid: Grid,
    *,
    expected: Grid | None = None,
    tail_seconds: float = 0.0,
    loop: bool = False,
    max_stretch_percent: float = MAX_STRETCH_PERCENT,
    features: Features | None = None,
    counting: Counting = AS_ASKED,
) -> Plan:
    """Find the beats of a mix (its mono sum will do) and what brings them onto the grid.

    Options are those of audio.conform.conform; `features` are those of the mix, if they
    are known. Raises CannotConform with what was measured, or AudioError.
    """
    _check_options(tail_seconds, max_stretch_percent, expected, grid)
    beats = find_counted_beats(audible(mix), expected or grid, features, counting)
    if beats is None:
        raise CannotConform("nothing in it recurs that beats could be found by")
    if beats.doubt:
        refusal = CannotConform(f"{beats.doubt}{_own_tempo(mix, expected or grid)}")
        refusal.remedy = beats.remedy
        raise refusal
    warp = _warp(beats, grid)
    missing = _missing_seconds(warp, mix, grid)
    inside = warp.target_seconds[:-1] < float(grid.seconds)
    worst = float(max(warp.stretch_percent[inside], key=abs))
    if abs(worst) > max_stretch_percent:
        raise CannotConform(
            f"it would have to be stretched by {worst:+.1f} %, the limit is "
            f"{max_stretch_percent:g} %{_own_tempo(mix, expected or grid)}"
        )
    rate, frames = mix.sample_rate, grid.frames(mix.sample_rate)
    tail = _tail_frames(warp, mix, grid, tail_seconds, loop)
    lead = round(LEAD_SECONDS * rate) if loop else 0
    off = np.abs(warp.source_seconds - warp.target_seconds)
    on_grid = bool(np.median(off) <= ON_GRID_MEDIAN_SECONDS and off.max() <= ON_GRID_MOST_SECONDS)
    cuts_in = not on_grid and warp.source_at(np.zeros(1))[0] > 0
    cuts_out = not on_grid or mix.frames != frames + tail
    return Plan(
        beats=beats,
        warp=None if on_grid else warp,
        cuts=None if on_grid else choose_cuts(warp, beats.onsets, rate, -lead, frames + tail),
        sample_rate=rate,
        lead_frames=lead,
        fade_in_frames=round(FADE_IN_SECONDS * rate) if cuts_in and not loop else 0,
        fade_out_frames=round(FADE_OUT_SECONDS * rate) if cuts_out and not loop else 0,
        facts=Conforming(
            untouched=on_grid,
            first_downbeat_seconds=round(float(beats.seconds[0]), 4),
            most_stretch_percent=0.0 if on_grid else round(worst, 3),
            missing_seconds=round(missing, 4),
            downbeat_confidence=round(beats.downbeat_confidence, 3),
            score=round(beats.path.score, 3),
            rival=round(beats.path.rival, 3),
            miss_ms=round(1000 * beats.line.miss_seconds, 2),
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


def _own_tempo(mix: Clip, grid: Grid) -> str:
    """The tempo of the whole recording, for the message of a refusal."""
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
