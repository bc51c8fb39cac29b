"""Moods: how each bends tempo, mode, register, dynamics and density of any style."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mood:
    """How a mood bends a style: each field adds to what the style would do.

    `pace` -1..1 moves in the tempo range, `energy` shifts every bar's intensity, `minor`
    multiplies the weight of minor modes, `register_semitones` moves the tune, `force` multiplies
    velocities, `density` thickens tunes, `colour` adds sevenths, `short` cuts note lengths.
    """

    pace: float = 0.0
    energy: float = 0.0
    minor: float = 1.0
    register_semitones: int = 0
    force: float = 1.0
    density: float = 0.0
    colour: float = 0.0
    short: float = 1.0


MOOD_BOOK: dict[str, Mood] = {
    "calm": Mood(-0.6, -0.22, 0.8, -1, 0.82, -0.22, 0.1, 1.08),
    "energetic": Mood(0.6, 0.2, 1.0, 1, 1.1, 0.22, 0.0, 0.9),
    "dark": Mood(-0.2, 0.0, 6.0, -5, 1.0, -0.1, 0.0, 1.0),
    "bright": Mood(0.2, 0.05, 0.15, 4, 1.03, 0.08, 0.0, 0.95),
    "sad": Mood(-0.6, -0.15, 5.0, -3, 0.86, -0.15, 0.1, 1.08),
    "happy": Mood(0.4, 0.1, 0.1, 2, 1.05, 0.1, 0.0, 0.85),
    "dreamy": Mood(-0.4, -0.15, 0.8, 3, 0.84, -0.15, 0.5, 1.1),
    "aggressive": Mood(0.5, 0.25, 4.0, -2, 1.18, 0.15, -0.3, 0.85),
    "relaxed": Mood(-0.3, -0.08, 0.7, 0, 0.92, -0.08, 0.15, 1.0),
    "epic": Mood(0.0, 0.2, 2.0, 2, 1.12, -0.05, -0.1, 1.05),
    "romantic": Mood(-0.4, -0.1, 1.0, 1, 0.9, -0.05, 0.3, 1.05),
    "tense": Mood(0.2, 0.08, 5.0, -2, 1.04, 0.05, 0.0, 0.9),
}

MOODS: tuple[str, ...] = tuple(MOOD_BOOK)
# Pairs that contradict each other and never stand together.
OPPOSED = (
    {"calm", "energetic"}, {"calm", "aggressive"}, {"dark", "bright"}, {"sad", "happy"},
    {"dark", "happy"}, {"sad", "bright"}, {"dreamy", "aggressive"}, {"relaxed", "aggressive"},
    {"relaxed", "energetic"}, {"relaxed", "tense"}, {"calm", "tense"}, {"romantic", "aggressive"},
    {"happy", "aggressive"}, {"happy", "tense"}, {"bright", "tense"}, {"calm", "epic"},
    {"sad", "energetic"}, {"relaxed", "epic"}, {"romantic", "tense"}, {"bright", "aggressive"},
)  # fmt: skip


def blend(names: tuple[str, ...]) -> Mood:
    """One mood out of several: shifts add up at most to half above the stronger one."""
    moods = [MOOD_BOOK[name] for name in names]
    share = {0: 1.0, 1: 1.0, 2: 0.7}.get(len(moods), 0.5)
    minor = force = short = 1.0
    for mood in moods:
        minor *= mood.minor
        force *= mood.force**share
        short *= mood.short**share
    return Mood(
        pace=share * sum(mood.pace for mood in moods),
        energy=share * sum(mood.energy for mood in moods),
        minor=minor,
        register_semitones=round(share * sum(mood.register_semitones for mood in moods)),
        force=force,
        density=share * sum(mood.density for mood in moods),
        colour=share * sum(mood.colour for mood in moods),
        short=short,
    )
