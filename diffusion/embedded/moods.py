"""Moods: how each bends tempo, mode, register, dynamics and density of any style."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from random import Random


@dataclass(frozen=True, slots=True)
class Mood:
    """How a mood bends a style: each field adds to what the style would do.

    `pace` -1..1 moves in the tempo range, `energy` shifts every bar's intensity, `minor`
    multiplies the weight of minor modes, `register_semitones` moves tune, chords and bass,
    `force` multiplies velocities, `density` thickens tunes, `colour` adds sevenths and, above
    .4, ninths, `short` multiplies note lengths, `drummed` the chance of a drummer. `leap`,
    `repeat` and `chromatic` add to the tune's chances of leaps, repeated notes and semitones
    between. `comping` and `bass` are patterns (see lines) that take the place of the style's in
    most pieces, `kit` gives drums that take the place of others.
    """

    pace: float = 0.0
    energy: float = 0.0
    minor: float = 1.0
    register_semitones: int = 0
    force: float = 1.0
    density: float = 0.0
    colour: float = 0.0
    short: float = 1.0
    drummed: float = 1.0
    leap: float = 0.0
    repeat: float = 0.0
    chromatic: float = 0.0
    comping: str = ""
    bass: str = ""
    kit: tuple[tuple[str, str], ...] = ()


MOOD_BOOK: dict[str, Mood] = {
    "calm": Mood(
        -0.7, -0.4, 0.5, -1, 0.56, -0.4, -0.1, 1.05, drummed=0.8, leap=-0.08,
        comping="X---------------", bass="R---------------", kit=(("snare", "side_stick"),),
    ),
    "energetic": Mood(
        0.7, 0.34, 1.0, 2, 1.17, 0.42, 0.0, 0.7, drummed=1.3,
        comping="XoxoXoxoXoxoXoxo", bass="R-O-R-O-R-O-R-O-", kit=(("side_stick", "snare"),),
    ),
    "dark": Mood(
        -0.3, -0.05, 30.0, -11, 0.88, -0.15, 0.0, 1.0, chromatic=0.15,
        comping="X-----------b---", bass="R-------r-------",
        kit=(("closed_hat", "low_tom"), ("open_hat", "low_tom")),
    ),
    "bright": Mood(
        0.3, 0.1, 0.03, 8, 1.0, 0.1, -0.1, 0.85,
        comping="3-4-5-4-3-4-5-4-", bass="R---5---R---5---", kit=(("closed_hat", "shaker"),),
    ),
    "sad": Mood(
        -0.7, -0.25, 20.0, -5, 0.66, -0.3, 0.1, 1.05, drummed=0.85, leap=-0.1,
        comping="b-------t-------", bass="R-------5-------",
    ),
    "happy": Mood(
        0.5, 0.15, 0.03, 3, 1.06, 0.25, -0.1, 0.5, drummed=1.3,
        comping="..X...X...X...X.", bass="R...5...R...5...", kit=(("snare", "clap"),),
    ),
    "dreamy": Mood(
        -0.5, -0.25, 0.6, 7, 0.58, -0.3, 1.0, 1.1, drummed=0.8, leap=0.1,
        comping="1-2-3-4-5-4-3-2-", bass="R---------------", kit=(("closed_hat", "ride"),),
    ),
    "aggressive": Mood(
        0.6, 0.4, 12.0, -6, 1.3, 0.3, -0.8, 0.62, drummed=1.4, repeat=0.3,
        comping="XxXxXxXxXxXxXxXx", bass="RRRRRRRRRRRRRRRR",
        kit=(("closed_hat", "open_hat"), ("ride", "open_hat")),
    ),
    "relaxed": Mood(
        -0.4, -0.12, 0.3, -1, 0.78, -0.1, 0.5, 0.95,
        comping="....X-----..x---", bass="R-----5-----R---",
        kit=(("snare", "side_stick"), ("closed_hat", "shaker")),
    ),
    "epic": Mood(
        0.0, 0.3, 3.0, 3, 1.24, -0.3, -0.4, 1.1, leap=0.3,
        comping="X-------X-------", bass="R---R---R---R---",
        kit=(("closed_hat", "low_tom"), ("ride", "mid_tom"), ("side_stick", "snare")),
    ),
    "romantic": Mood(
        -0.5, -0.12, 0.7, 2, 0.78, -0.05, 0.6, 1.08, drummed=0.85, leap=0.25, chromatic=0.2,
        comping="1-2-4-3-1-2-4-3-", bass="R-------3-------", kit=(("snare", "side_stick"),),
    ),
    "tense": Mood(
        0.3, 0.08, 20.0, -4, 0.98, 0.1, -0.2, 0.5, repeat=0.4, chromatic=0.4,
        comping="b.b.b.b.b.t.b.b.", bass="R.R.R.R.R.R.R.R.",
        kit=(("snare", "mid_tom"), ("side_stick", "mid_tom")),
    ),
}  # fmt: skip

MOODS: tuple[str, ...] = tuple(MOOD_BOOK)
# Pairs that contradict each other and never stand together.
OPPOSED = (
    {"calm", "energetic"}, {"calm", "aggressive"}, {"dark", "bright"}, {"sad", "happy"},
    {"dark", "happy"}, {"sad", "bright"}, {"dreamy", "aggressive"}, {"relaxed", "aggressive"},
    {"relaxed", "energetic"}, {"relaxed", "tense"}, {"calm", "tense"}, {"romantic", "aggressive"},
    {"happy", "aggressive"}, {"happy", "tense"}, {"bright", "tense"}, {"calm", "epic"},
    {"sad", "energetic"}, {"relaxed", "epic"}, {"romantic", "tense"}, {"bright", "aggressive"},
)  # fmt: skip


def blend(rng: Random, names: tuple[str, ...]) -> Mood:
    """One mood out of several: shifts add up at most to half above the stronger one.

    Patterns cannot be mixed: comping, bass and kit are each one mood's.
    """
    moods = [MOOD_BOOK[name] for name in names] or [Mood()]
    share = {1: 1.0, 2: 0.75}.get(len(moods), 0.5)

    def total(values: Iterable[float]) -> float:
        return share * sum(values)

    def product(values: Iterable[float], power: float = 1.0) -> float:
        return prod(values) ** power

    return Mood(
        pace=total(mood.pace for mood in moods),
        energy=total(mood.energy for mood in moods),
        minor=product(mood.minor for mood in moods),
        register_semitones=round(total(mood.register_semitones for mood in moods)),
        force=product((mood.force for mood in moods), share),
        density=total(mood.density for mood in moods),
        colour=total(mood.colour for mood in moods),
        short=product((mood.short for mood in moods), share),
        drummed=product((mood.drummed for mood in moods), share),
        leap=total(mood.leap for mood in moods),
        repeat=total(mood.repeat for mood in moods),
        chromatic=total(mood.chromatic for mood in moods),
        comping=rng.choice(moods).comping,
        bass=rng.choice(moods).bass,
        kit=rng.choice(moods).kit,
    )
