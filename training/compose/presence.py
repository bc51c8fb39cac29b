"""Which parts play in which bars: they enter, drop out and return, so that the form is audible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from diffusion.embedded.bar import Bar
from diffusion.embedded.performance import Played
from training.compose.chart import Chart


@dataclass(frozen=True, slots=True)
class Presence:
    """Per part, whether it plays in each bar; `second` is the part that does not have the tune."""

    drums: list[bool]
    bass: list[bool]
    comp: list[bool]
    second: list[bool]


# How likely each part plays in a section.
CHANCES = {
    "intro": {"drums": 0.4, "bass": 0.5, "comp": 0.9, "second": 0.2},
    "verse": {"drums": 0.95, "bass": 0.95, "comp": 0.94, "second": 0.4},
    "chorus": {"drums": 1.0, "bass": 1.0, "comp": 0.98, "second": 0.75},
    "bridge": {"drums": 0.5, "bass": 0.6, "comp": 0.95, "second": 0.5},
    "outro": {"drums": 0.85, "bass": 0.95, "comp": 0.95, "second": 0.3},
}
# How likely a first section of eight bars or more starts without drums, and a section that
# leads into a chorus lets drums and bass drop out in its last bar.
LATE_DRUMS, BREAK = 0.3, 0.12
PARTS = ("drums", "bass", "comp", "second")


def plan_presence(rng: Random, chart: Chart) -> Presence:
    """One decision a section and part; then entries, breakdowns and breaks within sections."""
    drummed = rng.random() < chart.style.drummed * chart.mood.drummed
    plan: dict[str, list[bool]] = {name: [] for name in PARTS}
    known: dict[tuple[str, str], bool] = {}
    sparse = {name: rng.random() < share for name, share in (("bass", 0.03), ("comp", 0.03))}
    for name, bars in chart.form:
        for part in PARTS:
            if (name, part) not in known:
                known[name, part] = rng.random() < CHANCES[name][part]
        plays = {part: known[name, part] for part in PARTS}
        plays["drums"] = plays["drums"] and drummed
        for part, missing in sparse.items():
            plays[part] = plays[part] and not missing
        if not (plays["comp"] or plays["bass"]):
            plays["comp" if not sparse["comp"] else "bass"] = True
        entries = _entries(rng, name, bars, plays, drummed)
        for part in PARTS:
            plan[part] += [bar >= entries[part] for bar in range(bars)]
    if drummed:
        _hold_back(rng, chart, plan)
    return Presence(plan["drums"], plan["bass"], plan["comp"], plan["second"])


def _entries(
    rng: Random, name: str, bars: int, plays: dict[str, bool], drummed: bool
) -> dict[str, int]:
    """The bar of a section in which each part comes in; `bars` for one that stays out."""
    entries = {part: 0 if plays[part] else bars for part in PARTS}
    if name not in ("intro", "bridge") or bars < 4:
        return entries
    if name == "intro" and rng.random() < 0.35:
        # The band builds up: one part after another, in any order, the first at once.
        order = [part for part in ("comp", "bass", "drums") if part != "drums" or drummed]
        rng.shuffle(order)
        for at, part in enumerate(order):
            entries[part] = min(bars, at * bars // len(order))
        return entries
    for part in ("drums", "bass"):
        late = entries[part] == bars and (part != "drums" or drummed) and rng.random() < 0.4
        entries[part] = bars // 2 if late else entries[part]
    return entries


def _hold_back(rng: Random, chart: Chart, plan: dict[str, list[bool]]) -> None:
    """Drums that only come in at bar 5, and bars before a chorus in which the band stops."""
    spans = chart.spans()
    name, _, bars = spans[0]
    if name in ("verse", "chorus") and bars >= 8 and rng.random() < LATE_DRUMS:
        plan["drums"][:4] = [False] * 4
    for (_, first, last), (following, _, _) in pairwise(spans):
        if following == "chorus" and last - first >= 4 and rng.random() < BREAK:
            plan["drums"][last - 1] = False
            plan["bass"][last - 1] = plan["bass"][last - 1] and not plan["comp"][last - 1]


def planned_bars(
    notes: Sequence[Played], active: Sequence[bool], spans: list[tuple[str, int, int]], bar: Bar
) -> tuple[bool, ...]:
    """Per bar, whether a part plays: where it is `active`, in stretches where it has notes.

    A stretch is a section's bars in which it is active without a break.
    """
    sounding = {int((note.start_beats + 0.05) / bar.beats) for note in notes}
    plays = [False] * len(active)
    for _, first, last in spans:
        start = first
        for at in range(first, last + 1):
            if at == last or not active[at]:
                if any(index in sounding for index in range(start, at)):
                    plays[start:at] = [True] * (at - start)
                start = at + 1
    return tuple(plays)
