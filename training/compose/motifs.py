"""Motifs: a rhythm and a contour, invented, varied and brought to a cadence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from diffusion.embedded.bar import Bar
from diffusion.embedded.moods import Mood

# Rhythms of a pulse: sixteenths, or eighths of a compound pulse; per density, thin to thick.
BINARY = (
    ("x---", "x---", "----", "x---", "--x-", "...."),
    ("x---", "x-x-", "x---", "--x-", "x-x-", ".-x-", "x--x"),
    ("x-x-", "x-x-", "x--x", "--x-", "x-xx", ".-xx", "x---"),
    ("x-xx", "xxx-", "x-x-", "xxxx", "xx-x", "x--x"),
)
TERNARY = (
    ("x--", "x--", "---", "--x", "..."),
    ("x-x", "x--", "x-x", "--x", "xxx"),
    ("x-x", "xxx", "x-x", "xxx", ".xx"),
    ("xxx", "xxx", "x-x", "xxx"),
)


@dataclass(frozen=True, slots=True)
class Character:
    """What kind of tune it is: density 0..1, chances of leaps, repeats, chromatics and gaps."""

    density: float
    leap: float = 0.16
    repeat: float = 0.14
    chromatic: float = 0.0
    gap: float = 0.0
    span_semitones: int = 16


@dataclass(frozen=True, slots=True)
class Motif:
    """Onset and length in beats of each note of a unit, and its scale steps from the first."""

    rhythm: tuple[tuple[float, float], ...]
    steps: tuple[int, ...]


def choose_character(rng: Random, density: float, mood: Mood) -> Character:
    """Mostly singable tunes, and some of every kind that users bring, bent by the mood."""
    found = _draw_character(rng, density)
    return replace(
        found,
        leap=min(0.5, max(0.03, found.leap + mood.leap)),
        repeat=min(0.6, found.repeat + mood.repeat),
        chromatic=min(0.6, found.chromatic + mood.chromatic),
    )


def _draw_character(rng: Random, density: float) -> Character:
    kind = rng.random()
    if kind < 0.7:
        return Character(density)
    if kind < 0.75:
        return Character(0.05, leap=0.25, span_semitones=14)
    if kind < 0.8:
        return Character(0.95, leap=0.1)
    if kind < 0.83:
        return Character(density, leap=0.4, span_semitones=19)
    if kind < 0.87:
        return Character(max(density, 0.5), chromatic=0.45)
    if kind < 0.91:
        return Character(density, repeat=0.6)
    if kind < 0.95:
        return Character(density, gap=0.5)
    return Character(density, leap=0.05, span_semitones=7)


def invent(
    rng: Random, bar: Bar, bars: int, bpm: float, character: Character, extra: float
) -> Motif:
    """A motif of `bars` bars as dense as the character plus `extra`, playable at `bpm`."""
    level = min(3.0, max(0.0, (character.density + extra) * 3 + rng.uniform(-0.4, 0.4)))
    if bpm > 118 or (bpm > 100 and bar.ternary):
        level = min(level, 2.2 if bar.ternary else 1.6)
    onsets: list[list[float]] = []
    open_note = False
    previous = ""
    for index in range(bars):
        for at, pulse in enumerate(bar.pulses):
            tier = min(3, int(level + rng.random()))
            text = rng.choice((TERNARY if bar.ternary else BINARY)[tier])
            if bpm > 112 and not bar.ternary and tier < 3 and "x" in text[1::2]:
                text = "x-x-"
            if previous and rng.random() < 0.3 and len(previous) == len(text):
                text = previous
            if index == 0 and at == 0 and text[0] != "x" and rng.random() < 0.7:
                text = "x" + text[1:]
            if pulse.length_beats > 1.25 and not bar.ternary:
                text = text[:4] + rng.choice(("x-", "--", "x-"))
            elif pulse.length_beats < 0.75:
                text = text[:2]
            previous = text
            step = pulse.length_beats / len(text)
            for k, mark in enumerate(text):
                start = index * bar.beats + pulse.start_beats + k * step
                if mark == "x":
                    onsets.append([start, step])
                    open_note = True
                elif mark == "-" and open_note:
                    onsets[-1][1] += step
                else:
                    open_note = False
    if not onsets:
        onsets = [[0.0, bar.pulses[0].length_beats]]
    shape = rng.choice((0.25, -0.25, 0.0, 0.4, -0.4))
    steps = [0]
    for at in range(1, len(onsets)):
        bend = shape if at < len(onsets) * 0.6 else -shape
        roll = rng.random()
        if roll < character.repeat:
            move = 0
        else:
            size = 1 if roll < 1 - character.leap else rng.choice((2, 2, 3, 4))
            move = size if rng.random() < 0.5 + bend else -size
        limit = character.span_semitones // 3
        steps.append(max(-limit, min(limit, steps[-1] + move)))
    return Motif(tuple((start, length) for start, length in onsets), tuple(steps))


def vary(rng: Random, motif: Motif) -> Motif:
    """The same rhythm with its last third turned the other way."""
    cut = len(motif.steps) * 2 // 3
    flip = tuple(
        step if at < cut else 2 * motif.steps[max(0, cut - 1)] - step
        for at, step in enumerate(motif.steps)
    )
    return Motif(motif.rhythm, flip if rng.random() < 0.7 else motif.steps)


def cadence(motif: Motif, bar: Bar, bars: int) -> Motif:
    """The motif with a long last note on a strong pulse of its last bar, then breath."""
    start = (bars - 1) * bar.beats
    if bars == 1 and len(bar.pulses) > 2:
        start += bar.pulses[len(bar.pulses) // 2].start_beats
    keep = [
        (note, step)
        for note, step in zip(motif.rhythm, motif.steps, strict=True)
        if note[0] < start - 1e-6
    ]
    rhythm = [(at, min(length, start - at)) for (at, length), _ in keep]
    length = bars * bar.beats - start
    rhythm.append((start, max(bar.pulses[-1].length_beats, length * 0.75)))
    steps = [step for _, step in keep]
    return Motif(tuple(rhythm), (*steps, steps[-1] if steps else 0))
