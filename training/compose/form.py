"""Form: which section each bar belongs to, and how intense the music is there."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from diffusion.embedded.moods import Mood

# Section initial and its bars: i(ntro) v(erse) c(horus) b(ridge) o(utro).
FORMS: tuple[str, ...] = (
    "v8", "c8", "v4 c4", "i2 v4 c4", "i4 v4", "i4 c4", "v4 c4 o2", "i4 v8", "i4 c8", "v8 o4",
    "b4 c4", "c4 b4 c4", "v8 c8", "i2 v8 c4 o2", "c8 o4", "b4 c8", "v4 b4 c4 o4", "i4 v4 c8",
    "i4 v8 c8", "v8 c8 o4", "c8 b4 c8", "v8 b4 c8", "v4 c4 v4 c4", "v4 c4 b4 c4 o2",
    "i4 v8 c8 o4", "v8 c8 v8", "i4 v8 c8 b4 c8", "v8 c8 b4 c8 o4", "i4 v8 c8 b4 o4",
    "i2 v8 c8 b4 c8 o2", "v8 c8 v8 c8", "i4 c8 v8 c8 o4", "i8 v8 c8 o4",
    "i4 v4 c4 v4 c4 o4", "i4 v4 c4 v4 c4 b4 c4 o4", "i4 v8 c8 b4 c4 o4", "i2 v4 c4 o2",
    "i4 v8 c8 o2", "i2 v4 c4 b2 c4 o2", "i4 v4 c8 b4 c8 o4",
)  # fmt: skip
# Longer forms, for lead sheets alone: a band piece keeps to 32 bars.
LONG_FORMS: tuple[str, ...] = (
    "i4 v8 c8 v8 c8 o4", "i4 v8 c8 v8 c8 b8 c8 o4", "i8 v8 c8 v8 c8 b8 c8 c8 o8",
    "i4 v16 c8 v16 c8 b8 c16 o4", "v16 c8 v16 c8", "i8 v16 c16 b8 c16 o8",
    "i4 v8 c8 b4 c8 o4", "v8 c8 v8 c8 b8 c8", "i4 v8 c4 v8 c4 b4 c8 o4", "i8 v16 c8 b8 c8 o8",
)  # fmt: skip
NAMES = {"i": "intro", "v": "verse", "c": "chorus", "b": "bridge", "o": "outro"}
BASE = {"intro": 0.3, "verse": 0.48, "chorus": 0.8, "bridge": 0.38, "outro": 0.5}
# How the intensity moves from the first to the last bar of a section.
SLOPE = {"intro": 0.2, "verse": 0.1, "chorus": 0.06, "bridge": 0.3, "outro": -0.3}

Section = tuple[str, int]


def choose_form(rng: Random, bar_beats: float, *, long: bool = False) -> list[Section]:
    """Sections of 8 to 32 bars in all that stay within 128 quarter notes; `long` ones go on."""
    texts, most = (LONG_FORMS, 96) if long else (FORMS, most_bars(bar_beats))
    forms = [[(NAMES[part[0]], int(part[1:])) for part in text.split()] for text in texts]
    fitting = [form for form in forms if 8 <= sum(bars for _, bars in form) <= most]
    if not fitting:
        return [("chorus", max(4, most - most % 4))]
    return rng.choice(fitting)


def most_bars(bar_beats: float) -> int:
    """The most bars of a band piece: 32, or what 128 quarter notes hold."""
    return min(32, int(128 // bar_beats))


def choose_ending(rng: Random, form: list[Section], *, closed: bool) -> str:
    """How a form ends: "full", with a cadence and a last bar, or "loop", back to the first bar.

    An outro always ends; so do longer forms more often; a `closed` tune (one that comes to rest
    on its tonic) may still loop.
    """
    if form[-1][0] == "outro":
        return "full"
    bars = sum(bars for _, bars in form)
    chance = 0.25 if bars <= 16 else 0.55
    return "full" if rng.random() < chance + 0.15 * closed else "loop"


def form_around(rng: Random, tune_bars: int, bar_beats: float) -> list[Section]:
    """A form for a given tune: its first half is the verse, its second the chorus."""
    room = most_bars(bar_beats) - tune_bars
    if tune_bars >= 16:
        half = tune_bars // 2
        sections = [("verse", half), ("chorus", tune_bars - half)]
    else:
        sections = [(rng.choice(("verse", "chorus")), tune_bars)]
    if room >= 2 and (tune_bars < 8 or rng.random() < 0.45):
        intro = rng.choice([bars for bars in (2, 4) if bars <= room])
        sections.insert(0, ("intro", intro))
        room -= intro
    if room >= 4 and tune_bars >= 16 and rng.random() < 0.2:
        sections.insert(-1, ("bridge", 4))
        room -= 4
    if room >= 2 and rng.random() < 0.45:
        sections.append(("outro", rng.choice([bars for bars in (2, 4) if bars <= room])))
    return sections


def intensities(rng: Random, sections: list[Section], mood: Mood) -> list[float]:
    """One value in 0..1 per bar; repeated sections grow, outros fade."""
    seen: dict[str, int] = {}
    values: list[float] = []
    for name, bars in sections:
        times = seen[name] = seen.get(name, 0) + 1
        base = BASE[name] + 0.1 * (times - 1) + mood.energy + rng.uniform(-0.1, 0.1)
        for bar in range(bars):
            drift = SLOPE[name] * (bar / max(1, bars - 1) - 0.5)
            values.append(round(min(1.0, max(0.15, base + drift)), 3))
    return values


def spans_of(form: Sequence[Section]) -> list[tuple[str, int, int]]:
    """Name, first bar and bar after the last of each section."""
    spans, at = [], 0
    for name, bars in form:
        spans.append((name, at, at + bars))
        at += bars
    return spans
