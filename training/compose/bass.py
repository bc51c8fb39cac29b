"""The bassist: locks with the kick, outlines the chords and walks into the next root."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from diffusion.embedded.bar import Event, lay
from diffusion.embedded.performance import RANGES, Played
from training.compose.chart import Chart
from training.compose.lines import BASS
from training.compose.piece import Chord

FORCE = {"r": 0.42, "A": 0.7, "O": 0.82}


def play_bass(
    rng: Random,
    chart: Chart,
    active: list[bool],
    kicks: list[tuple[float, str, float]],
    pattern: str,
) -> list[Played]:
    """The bass part on the exact grid; `kicks` are the drummer's (beat, name, force).

    A `pattern` takes the place of the style's lines.
    """
    low, high = RANGES["bass"]
    chosen: dict[tuple[str, int], str] = {}
    notes: list[Played] = []
    height = 35 + 0.5 * chart.mood.register_semitones
    roots = lead_roots(chart.chords, low, high - 9, height)
    previous = 36
    for name, first, last in chart.spans():
        for bar in range(first, last):
            if not active[bar]:
                continue
            start = bar * chart.bar.beats
            if chart.ends and bar == chart.bars - 1:
                root = roots[chart.chord_at(start).start_beats]
                notes.append(Played(start, chart.bar.beats, root, 0.8))
                continue
            tier = chart.tier(bar)
            if (name, tier) not in chosen:
                chosen[name, tier] = pattern or rng.choice(BASS[chart.style_name][tier])
            text = chosen[name, tier]
            events = _events(text, chart, bar - first, start, kicks)
            for at, event in enumerate(events):
                beat = start + event.offset_beats
                chord = chart.chord_at(beat)
                follow = chart.next_chord(beat)
                leads = at == len(events) - 1 and bar + 1 < chart.bars
                pitch = _pitch(rng, event.mark, chart, chord, follow, beat, previous, leads, roots)
                length = event.length_beats
                ends = chord.start_beats + chord.length_beats
                if beat + length > ends + 1e-6 and pitch % 12 not in follow.pitch_classes:
                    length = ends - beat
                force = FORCE.get(event.mark, 0.78) + 0.08 * (
                    chart.bar.weight(event.offset_beats) > 1
                )
                notes.append(Played(round(beat, 6), round(length, 6), pitch, force))
                if event.mark in "R5W":
                    previous = pitch
            notes += _missed_changes(chart, bar, events, roots)
    notes.sort(key=lambda note: note.start_beats)
    return notes


def _events(
    text: str,
    chart: Chart,
    index: int,
    start: float,
    kicks: list[tuple[float, str, float]],
) -> list[Event]:
    beats = chart.bar.beats
    if text == "@walk":
        ternary = chart.bar.ternary
        return [
            Event(pulse.start_beats, pulse.length_beats * (0.66 if ternary else 0.95), "W")
            for pulse in chart.bar.pulses
        ]
    if text == "@kick":
        onsets = sorted(
            {round(beat - start, 6) for beat, _, _ in kicks if 0 <= beat - start < beats - 1e-6}
        )
        if onsets:
            kept = [onsets[0]]
            kept += [b for a, b in pairwise(onsets) if b - a > 0.2]
            ends = [*kept[1:], beats]
            sustained = chart.style_name in (
                "pop",
                "rock",
                "ballad",
                "trap",
                "lofi",
                "drum_and_bass",
            )
            return [
                Event(at, end - at if sustained else min(0.8 * (end - at), 0.75), "R")
                for at, end in zip(kept, ends, strict=True)
            ]
        text = "R---------------"
    return lay(text, chart.bar, index)


def lead_roots(
    chords: tuple[Chord, ...], low: int, high: int, height: float = 35.0
) -> dict[float, int]:
    """Each chord's root in one octave or another, by its start: near the last and the `height`."""
    roots: dict[float, int] = {}
    last = height
    for chord in chords:
        centre = 0.55 * last + 0.45 * height
        roots[chord.start_beats] = _near(chord.root, centre, low, high)
        last = roots[chord.start_beats]
    return roots


def _missed_changes(
    chart: Chart, bar: int, events: list[Event], roots: dict[float, int]
) -> list[Played]:
    """A root where a chord comes in and the line is silent around it."""
    start = bar * chart.bar.beats
    extra = []
    for chord in chart.chords:
        offset = chord.start_beats - start
        if not -1e-6 < offset < chart.bar.beats - 1e-6:
            continue
        if any(-0.3 < event.offset_beats - offset < 0.9 for event in events):
            continue
        after = [e.offset_beats for e in events if e.offset_beats > offset]
        length = min([*after, chart.bar.beats]) - offset
        pitch = roots[chord.start_beats]
        extra.append(Played(round(chord.start_beats, 6), round(min(length, 1.5), 6), pitch, 0.74))
    return extra


def _pitch(
    rng: Random,
    mark: str,
    chart: Chart,
    chord: Chord,
    follow: Chord,
    beat: float,
    previous: int,
    leads: bool,
    roots: dict[float, int],
) -> int:
    low, high = RANGES["bass"]
    root = roots[chord.start_beats]
    third, fifth = chord.pitch_classes[1], chord.pitch_classes[2]
    if mark in "Rr":
        return root
    if mark == "O":
        return root + 12 if root + 12 <= high else root
    if mark == "3":
        return _near(third, root + 3.5, low, high)
    if mark == "5":
        above = _near(fifth, root + 7, low, high)
        below = _near(fifth, root - 5, low, high)
        return below if root > 40 and rng.random() < 0.7 else above
    if mark in "67":
        seventh = chord.pitch_classes[3] if len(chord.pitch_classes) > 3 else None
        if mark == "6" or seventh is None:
            step = (chord.root + 9) % 12
            return _near(step if step in chart.scale_at(beat) else fifth, root + 8, low, high)
        return _near(seventh, root + 10, low, high)
    goal = roots[follow.start_beats]
    if mark == "A":
        if follow.root == chord.root:
            return _near(fifth, root + 7 if root < 36 else root - 5, low, high)
        return _approach(rng, chart, goal, previous, beat)
    if chart.bar.weight(beat % chart.bar.beats) == 3 or abs(beat - chord.start_beats) < 1e-6:
        return root
    if leads or (follow.start_beats - beat <= 1.6 and follow.start_beats > beat):
        return _approach(rng, chart, goal, previous, beat)
    options = [
        pitch
        for pitch in range(max(low, previous - 7), min(high, previous + 7) + 1)
        if pitch % 12 in chart.scale_at(beat) and pitch != previous
    ]
    toward = 1 if goal >= previous else -1
    return min(
        options,
        key=lambda p: (
            abs(p - (previous + 3 * toward))
            - 1.5 * (p % 12 in chord.pitch_classes)
            + rng.random() * 2
        ),
    )


def _approach(rng: Random, chart: Chart, goal: int, previous: int, beat: float) -> int:
    """A step into `goal` from below or above: in the scale, or a semitone in walking styles."""
    low, high = RANGES["bass"]
    side = -1 if previous < goal or (previous == goal and rng.random() < 0.6) else 1
    chromatic = 0.5 if chart.style_name in ("jazz_swing", "blues", "funk", "soul") else 0.12
    scale = chart.scale_at(beat)
    step = goal + side
    if step == previous:
        side, step = -side, goal - side
    if step % 12 not in scale and rng.random() > chromatic:
        step = goal + 2 * side
        if step % 12 not in scale:
            step = goal + (7 if goal + 7 <= high else -5)
            if step % 12 not in scale:
                step = goal
    return min(high, max(low, step))


def _near(pitch_class: int, centre: float, low: int, high: int) -> int:
    options = [pitch for pitch in range(low, high + 1) if pitch % 12 == pitch_class]
    return min(options, key=lambda pitch: abs(pitch - centre))
