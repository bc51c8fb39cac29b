"""The figures of a mood: the rhythm of its chords and its bass line, over the planned chords.

The network follows a mood too faintly to be heard. So the patterns that the music it learnt from
has for each mood (diffusion.embedded.moods) are played themselves.

Marks of the chords: X x o the chord in three strengths, b its lowest note, t the others, 1 to 5
single notes from the bottom. Of the bass: R root, O its octave, 5 fifth, 3 third, r a short
ghosted root. "." is silence and "-" holds (diffusion.embedded.bar).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from diffusion.embedded.bar import bar_of, lay
from diffusion.embedded.intent import Harmony
from diffusion.embedded.moods import Mood
from diffusion.embedded.performance import RANGES, Performance, Played
from diffusion.embedded.voicing import voicings_of
from midi.grid import Grid

CHORD_FORCE = {"X": 0.84, "x": 0.68, "o": 0.46, "b": 0.72, "t": 0.6, "1": 0.72}
SINGLE_FORCE = 0.66  # of the other single notes
BASS_FORCE = {"r": 0.42, "O": 0.82}
USUAL_BASS_FORCE = 0.78
MIDDLE, MIDDLE_MOVE = 60.5, 0.6  # of the chords, and how much of a mood's register moves it
LEAST_MIDDLE, UNDER_THE_TUNE = 52.0, 8
HEIGHT, HEIGHT_MOVE = 35.0, 0.5  # of the bass
HEIGHT_KEPT = 0.45  # the rest of a root's place is that of the root before
MOST_VOICES = 5
SINGLE = "12345b"
HELD = "-" * 15
EARLY_BEATS, LATE_BEATS = 0.3, 0.9  # a bass so near to where a chord begins comes with it
PASSING_BEATS = 1.5  # of a bass that only comes because a chord begins
INTERVALS = {"3": (4, 3), "5": (7, 6, 8)}


@dataclass(frozen=True, slots=True)
class Event:
    """A mark of a pattern at a beat of the music, over one chord."""

    start_beats: float
    length_beats: float
    mark: str
    chord: Harmony


def with_figures(
    performance: Performance,
    harmony: Sequence[Harmony] | None,
    mood: Mood,
    grid: Grid,
    ends: bool,
) -> Performance:
    """Return `performance` whose chords and bass play the patterns of `mood`, where it has some.

    In the last bar of music that `ends` they are held. Without chords to play all stays.
    """
    chords = [each for each in harmony or () if each.struck and each.pitch_classes]
    if not chords:
        return performance
    out = performance
    if mood.comping:
        events = list(_events(mood.comping, "X", chords, grid, ends))
        out = out.with_notes("comp", _chord_notes(events, _middle(performance, mood)))
    if mood.bass:
        events = _with_changes(list(_events(mood.bass, "R", chords, grid, ends)), chords)
        out = out.with_notes("bass", _bass_notes(events, mood))
    return out


def picked(mark: str, tones: Sequence[int]) -> tuple[int, ...]:
    """Return what `mark` strikes of a chord's notes, which rise."""
    if mark == "b":
        return tuple(tones[:1])
    if mark == "t":
        return tuple(tones[1:])
    if mark.isdigit():
        there_and_back = max(1, 2 * len(tones) - 2)
        at = (int(mark) - 1) % there_and_back
        return (tones[min(at, there_and_back - at)] if at else tones[0],)
    return tuple(tones)


def _events(
    pattern: str, whole: str, chords: Sequence[Harmony], grid: Grid, ends: bool
) -> Iterator[Event]:
    """The pattern over all bars, cut where the chord changes and struck again."""
    starts = [chord.start_beats for chord in chords]
    for bar in range(grid.bars):
        meter = grid.meter_at_bar(bar)
        text = whole + HELD if ends and bar == grid.bars - 1 else pattern
        for event in lay(text, bar_of(f"{meter.numerator}/{meter.denominator}"), bar):
            begin = float(grid.bar_starts[bar]) + event.offset_beats
            end = begin + event.length_beats
            first = max(0, bisect_right(starts, begin + 1e-6) - 1)
            last = first + 1 if event.mark in SINGLE else len(chords)
            for chord in chords[first:last]:
                start = max(begin, chord.start_beats)
                stop = min(end, chord.start_beats + chord.length_beats)
                if stop - start > 1e-6:
                    yield Event(start, stop - start, event.mark, chord)


def _middle(performance: Performance, mood: Mood) -> float:
    """The middle of the chords, as the mood has it and below the tune."""
    wish = MIDDLE + MIDDLE_MOVE * mood.register_semitones
    tune = max((performance.parts[p].notes for p in ("lead", "vocals")), key=len)
    if not tune:
        return wish
    mean = sum(note.pitch for note in tune) / len(tune)
    return max(LEAST_MIDDLE, min(wish, mean - UNDER_THE_TUNE))


def _chord_notes(events: Sequence[Event], middle: float) -> list[Played]:
    chords = sorted({event.chord for event in events}, key=lambda chord: chord.start_beats)
    classes = [chord.pitch_classes for chord in chords]
    voicings = dict(zip(chords, voicings_of(classes, middle, MOST_VOICES), strict=True))
    notes = []
    for event in events:
        tones = voicings[event.chord]
        force = CHORD_FORCE.get(event.mark, SINGLE_FORCE)
        for pitch in picked(event.mark, tones):
            notes.append(Played(event.start_beats, event.length_beats, pitch, force))
    return notes


def _with_changes(events: list[Event], chords: Sequence[Harmony]) -> list[Event]:
    """The events, and a root where a chord begins and the line is silent around it."""
    begins = [event.start_beats for event in events]
    missed = []
    for chord in chords:
        at = bisect_right(begins, chord.start_beats - EARLY_BEATS)
        after = begins[at] - chord.start_beats if at < len(begins) else chord.length_beats
        if after >= LATE_BEATS:
            length = min(after, chord.length_beats, PASSING_BEATS)
            missed.append(Event(chord.start_beats, length, "R", chord))
    return sorted((*events, *missed), key=lambda event: event.start_beats)


def _bass_notes(events: Sequence[Event], mood: Mood) -> list[Played]:
    low, high = RANGES["bass"]
    height = last = HEIGHT + HEIGHT_MOVE * mood.register_semitones
    notes: list[Played] = []
    for event in events:
        classes = event.chord.pitch_classes
        bass = classes[0] if event.chord.bass is None else event.chord.bass
        centre = HEIGHT_KEPT * height + (1 - HEIGHT_KEPT) * last
        last = root = _near(bass, centre, low, high - 12)
        pitch = root
        if event.mark == "O":
            pitch = root + 12
        for up in INTERVALS.get(event.mark, ()):
            if (classes[0] + up) % 12 in classes:
                pitch = _near((classes[0] + up) % 12, root + up, low, high)
                break
        force = BASS_FORCE.get(event.mark, USUAL_BASS_FORCE)
        notes.append(Played(event.start_beats, event.length_beats, pitch, force))
    ends = [note.start_beats for note in notes[1:]]
    return [
        replace(note, length_beats=min(note.length_beats, end - note.start_beats))
        for note, end in zip(notes, [*ends, float("inf")], strict=True)
    ]


def _near(pitch_class: int, wish: float, low: int, high: int) -> int:
    """The pitch of the class from `low` to `high` that is nearest to `wish`."""
    return min(
        range(low + (pitch_class - low) % 12, high + 1, 12), key=lambda pitch: abs(pitch - wish)
    )
