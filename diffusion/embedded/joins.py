"""Where sections meet: the drums lead into the new one with a fill and mark it with a crash.

What the network learnt from does so nearly always; the network does so rarely.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from diffusion.embedded.accents import USUAL
from diffusion.embedded.bar import Bar, bar_of
from diffusion.embedded.groove import bars_of
from diffusion.embedded.performance import DRUMS, Performance, Played
from midi.grid import Grid

LOUD, QUIET = 0.5, 0.2  # a crash above this intensity, no fill below
WITHOUT = frozenset({"bossa", "ambient"})
ON_THE_SNARE = frozenset({"house", "techno", "disco", "trap", "lofi", "hiphop", "jazz_swing"})
TOMS = ("snare", "high_tom", "mid_tom", "low_tom")
CYMBALS = {DRUMS["closed_hat"], DRUMS["open_hat"], DRUMS["ride"]}
FASTEST_SIXTEENTHS_BPM = 150
SOFTEST, GROWTH = 0.7, 0.5  # of a fill's hits, beside the usual force
HIT_BEATS, CRASH_BEATS = 0.25, 2.0
NEAR_BEATS = 1 / 24


def with_joins(
    performance: Performance,
    sections: Sequence[str],
    intensity: Sequence[float],
    style: str,
    grid: Grid,
    seed: int,
) -> Performance:
    """Return `performance` with fills and crashes where one of `sections` (a name a bar) begins.

    Only in bars in which the drums play anyway, a crash only in loud ones; some styles have none.
    """
    starts = [float(start) for start in grid.bar_starts]
    bars = bars_of(performance.parts["drums"].notes, starts)
    draw = Random(f"joins {seed}")
    for at in range(grid.bars):
        joins = at == 0 or sections[at] != sections[at - 1]
        if not joins or not bars[at] or style in WITHOUT:
            continue
        if intensity[at] > LOUD:
            bars[at] = _crashed(bars[at], starts[at])
        if at and bars[at - 1] and intensity[at - 1] >= QUIET:
            meter = grid.meter_at_bar(at - 1)
            bar = bar_of(f"{meter.numerator}/{meter.denominator}")
            slow = bar.ternary or grid.bpm_at(starts[at - 1]) > FASTEST_SIXTEENTHS_BPM
            drums = ("snare",) if style in ON_THE_SNARE or draw.random() < 1 / 3 else TOMS
            bars[at - 1] = _filled(bars[at - 1], starts[at - 1], bar, 0.5 if slow else 0.25, drums)
    notes = sorted(
        (hit for bar in bars for hit in bar), key=lambda hit: (hit.start_beats, hit.pitch)
    )
    return performance.with_notes("drums", notes)


def _crashed(hits: Sequence[Played], start: float) -> list[Played]:
    """A bar that begins with a crash in the place of other cymbals, and a kick."""
    first = [hit for hit in hits if abs(hit.start_beats - start) <= NEAR_BEATS]
    kept = [hit for hit in hits if hit not in first or hit.pitch not in CYMBALS]
    for drum, length in (("crash", CRASH_BEATS), ("kick", HIT_BEATS)):
        if not any(hit.pitch == DRUMS[drum] for hit in first):
            kept.append(Played(start, length, DRUMS[drum], USUAL))
    return kept


def _filled(
    hits: Sequence[Played], start: float, bar: Bar, step: float, drums: Sequence[str]
) -> list[Played]:
    """A bar whose last beat is a fill that grows, down over the `drums`."""
    begin = start + bar.pulses[-1].start_beats
    count = max(1, round((start + bar.beats - begin) / step))
    kept = [hit for hit in hits if hit.start_beats < begin - NEAR_BEATS]
    for at in range(count):
        force = USUAL * (SOFTEST + GROWTH * (at + 1) / count)
        pitch = DRUMS[drums[at * len(drums) // count]]
        kept.append(Played(begin + at * step, HIT_BEATS, pitch, force))
    return [*kept, Played(begin, HIT_BEATS, DRUMS["kick"], USUAL)]
