"""Which parts play in which bars: they enter, drop out and return, so that the form is audible."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

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
    "intro": {"drums": 0.55, "bass": 0.55, "comp": 0.9, "second": 0.25},
    "verse": {"drums": 0.95, "bass": 0.95, "comp": 0.96, "second": 0.55},
    "chorus": {"drums": 1.0, "bass": 1.0, "comp": 0.97, "second": 0.8},
    "bridge": {"drums": 0.6, "bass": 0.75, "comp": 0.95, "second": 0.55},
    "outro": {"drums": 0.9, "bass": 0.95, "comp": 0.95, "second": 0.4},
}


def plan_presence(rng: Random, chart: Chart) -> Presence:
    """One decision a section and part; intros build up half by half, breaks may let all fall."""
    drummed = rng.random() < chart.style.drummed
    plan: dict[str, list[bool]] = {name: [] for name in ("drums", "bass", "comp", "second")}
    known: dict[tuple[str, str], bool] = {}
    sparse = {name: rng.random() < share for name, share in (("bass", 0.03), ("comp", 0.03))}
    for name, bars in chart.form:
        for part in plan:
            if (name, part) not in known:
                known[name, part] = rng.random() < CHANCES[name][part]
        plays = {part: known[name, part] for part in plan}
        plays["drums"] = plays["drums"] and drummed
        for part, missing in sparse.items():
            plays[part] = plays[part] and not missing
        if not (plays["comp"] or plays["bass"]):
            plays["comp" if not sparse["comp"] else "bass"] = True
        for part in plan:
            late = (
                name in ("intro", "bridge")
                and bars >= 4
                and not plays[part]
                and part in ("drums", "bass")
                and (part != "drums" or drummed)
                and rng.random() < 0.4
            )
            first = bars // 2 if late else 0
            plan[part] += [bar >= first and (plays[part] or late) for bar in range(bars)]
    return Presence(plan["drums"], plan["bass"], plan["comp"], plan["second"])
