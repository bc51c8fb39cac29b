"""The drummer: a groove for each section, ghost notes, fills where sections turn, crashes."""

from __future__ import annotations

from random import Random

from diffusion.embedded.bar import lay
from diffusion.embedded.performance import DRUMS, Played
from training.compose.chart import Chart
from training.compose.grooves import GROOVES, Groove
from training.compose.perform import LEAST_VELOCITY

FORCE = {"X": 0.94, "x": 0.76, "o": 0.54, "g": 0.28}
KEEPERS = ("closed_hat", "ride", "shaker", "open_hat")
# How often a written hit is played: ghosts come and go, accents never fail.
SURE = {"X": 1.0, "x": 1.0, "o": 0.92, "g": 0.72}
LENGTH_BEATS = {"crash": 2.0, "ride": 0.5, "open_hat": 0.5}
ELECTRONIC = ("house", "techno", "trap", "synthwave", "disco")

Hit = tuple[float, str, float]


def play_drums(
    rng: Random, chart: Chart, active: list[bool], kit: dict[str, str]
) -> tuple[list[Hit], list[Hit]]:
    """All hits as (beat, drum, force) on the exact grid, and the kicks alone for the bassist.

    `active` says in which bars the drummer plays at all; `kit` which drum of a groove is played
    on another one.
    """
    hits: list[Hit] = []
    chosen: dict[tuple[str, int], Groove] = {}
    entering = True
    for name, first, last in chart.spans():
        for bar in range(first, last):
            start = bar * chart.bar.beats
            if not active[bar]:
                entering = True
                continue
            if chart.ends and bar == chart.bars - 1:
                hits += [(start, "kick", 0.9), (start, "crash", 0.85)]
                continue
            tier = chart.tier(bar)
            if (name, tier) not in chosen:
                chosen[name, tier] = rng.choice(GROOVES[chart.style_name][tier])
            groove = _bar_of_groove(rng, chart, chosen[name, tier], bar - first)
            groove = [(beat, kit.get(drum, drum), force) for beat, drum, force in groove]
            fill_from = _fill_start(rng, chart, bar, last, active)
            if fill_from is not None:
                groove = [hit for hit in groove if hit[0] < fill_from - 1e-6]
                groove += _fill(rng, chart, fill_from)
            if entering or bar == first:
                groove = [hit for hit in groove if hit[1] != "crash"]
                loud = chart.intensity[bar]
                crashes = loud > 0.5 or (bar == first and loud > 0.3 and rng.random() < 0.7)
                if crashes and chart.style_name not in ("bossa", "ambient"):
                    keep = ("closed_hat", "open_hat", "ride")
                    groove = [h for h in groove if h[0] > 1e-6 or h[1] not in keep]
                    groove.append((0.0, "crash", 0.62 + 0.32 * loud))
                if not any(h[0] < 1e-6 and h[1] == "kick" for h in groove) and crashes:
                    groove.append((0.0, "kick", 0.85))
            hits += [(start + beat, drum, force) for beat, drum, force in groove]
            entering = False
    hits.sort(key=lambda hit: (hit[0], hit[1]))
    return hits, [hit for hit in hits if hit[1] == "kick"]


def _bar_of_groove(rng: Random, chart: Chart, groove: Groove, index: int) -> list[Hit]:
    hits: list[Hit] = []
    fastest = 150 if chart.style_name in ELECTRONIC else 132
    spread = 0.02 if chart.style_name in ELECTRONIC else 0.05
    for drum, pattern in groove.items():
        for event in lay(pattern, chart.bar, index, steady=drum in KEEPERS):
            beat = event.offset_beats
            sixteenth = beat % 0.5 > 0.01 and not chart.bar.ternary
            keeper = drum in KEEPERS
            if (
                sixteenth
                and (chart.bpm > 150 or (keeper and chart.bpm > fastest))
                and (keeper or event.mark in "go")
            ):
                continue
            if rng.random() > SURE[event.mark]:
                continue
            force = FORCE[event.mark] * (1 + rng.gauss(0, spread))
            hits.append((beat, drum, force))
    opened = {hit[0] for hit in hits if hit[1] == "open_hat"}
    return [hit for hit in hits if hit[1] != "closed_hat" or hit[0] not in opened]


def _fill_start(rng: Random, chart: Chart, bar: int, last: int, active: list[bool]) -> float | None:
    """Where in the bar a fill starts; None for none. Fills lead into what comes next."""
    if chart.intensity[bar] < 0.2 or chart.style_name == "ambient":
        return None
    turning = bar == last - 1
    period = (bar + 1) % 4 == 0
    chance = 0.95 if turning else 0.3 if period else 0.0
    if rng.random() > chance:
        return None
    if bar + 1 < chart.bars and not active[bar + 1]:
        return None
    pulses = chart.bar.pulses
    size = 1 if not turning else rng.choice((1, 1, 2, 2, len(pulses)))
    if chart.style_name in ("techno", "reggae", "bossa", "lofi"):
        size = 1
    return pulses[max(0, len(pulses) - size)].start_beats


def _fill(rng: Random, chart: Chart, start: float) -> list[Hit]:
    """A fill from `start` to the bar's end, in the style's manner, growing towards the end."""
    end = chart.bar.beats
    step = 0.5 if chart.bar.ternary or chart.bpm > 150 else 0.25
    if chart.style.swing > 0.62 and not chart.bar.ternary:
        step = 1 / 3
    count = round((end - start) / step)
    kind = rng.choice(_fill_kinds(chart))
    hits: list[Hit] = []
    toms = ("high_tom", "high_tom", "mid_tom", "mid_tom", "low_tom", "low_tom")
    for at in range(count):
        beat = start + at * step
        grow = 0.55 + 0.38 * (at + 1) / count
        on_eighth = at % 2 == 0 or step >= 1 / 3
        if kind == "toms":
            drum = "snare" if at < count / 3 else toms[min(5, int(6 * at / count))]
            if on_eighth or rng.random() < 0.75:
                hits.append((beat, drum, grow if on_eighth else grow * 0.82))
        elif kind == "snare":
            if on_eighth or at > count / 2 or rng.random() < 0.4:
                hits.append((beat, "snare", grow * (1.0 if on_eighth else 0.78)))
        elif kind == "linear":
            drum = ("snare", "kick", "closed_hat", "snare", "kick", "mid_tom")[at % 6]
            if rng.random() < 0.85:
                hits.append((beat, drum, grow if drum != "closed_hat" else 0.5))
        elif kind == "accents":
            if at % 3 == 0 or at >= count - 2:
                hits.append((beat, "snare" if at % 2 else "low_tom", grow))
        elif kind == "open":
            if at == 0:
                hits.append((beat, "snare", 0.8))
            if at == count - (2 if step < 0.3 else 1):
                hits.append((beat, "open_hat", 0.72))
                hits.append((beat, "kick", 0.7))
        elif kind == "rim" and (on_eighth or rng.random() < 0.5):
            hits.append((beat, "side_stick", grow * 0.85))
        if kind in ("toms", "snare") and at % max(1, round(1 / step)) == 0:
            hits.append((beat, "kick", 0.7))
    return hits


def _fill_kinds(chart: Chart) -> tuple[str, ...]:
    name = chart.style_name
    if name in ("cinematic", "celtic"):
        return ("toms", "toms", "accents")
    if name in ("house", "techno", "disco", "trap"):
        return ("snare", "open", "snare", "rim")
    if name in ("jazz_swing", "bossa", "lofi", "folk", "waltz", "reggae"):
        return ("snare", "rim", "open", "accents")
    return ("toms", "snare", "linear", "accents", "open", "toms")


def as_played(
    hits: list[Hit], force: float, intensity: tuple[float, ...], bar_beats: float
) -> list[Played]:
    """Hits as notes: forces scaled by the bar's intensity and the mood, lengths by the drum."""
    notes = []
    for beat, drum, hit in hits:
        bar = min(len(intensity) - 1, int(beat / bar_beats + 1e-6))
        velocity = hit * force * (0.72 + 0.34 * intensity[bar])
        notes.append(
            Played(
                round(beat, 6),
                LENGTH_BEATS.get(drum, 0.25),
                DRUMS[drum],
                round(min(1.0, max(LEAST_VELOCITY, velocity)), 3),
            )
        )
    return notes
