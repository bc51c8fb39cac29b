"""A lead sheet by bars, in the planner's units: what tokens say and are read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diffusion.planner.vocabulary import HIGHEST, LENGTHS, LOWEST, UNITS, chord_index

NO_CHORD = -1
Event = tuple[int, int, int]  # start within its bar, length, pitch; units, pitch from a tonic of C


@dataclass(frozen=True, slots=True)
class PlannedChord:
    """A chord within a bar: `index` as vocabulary.chord_index, NO_CHORD for N.C.

    `bass` is the bass note in semitones above the root. Position and length in units.
    """

    position: int
    length: int
    index: int
    bass: int = 0


@dataclass(slots=True)
class BarContent:
    """What one bar holds; None is not decided yet."""

    chords: list[PlannedChord] | None = None
    notes: list[Event] | None = None


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """A section: name, bars, for each of vocabulary.PARTS a value of PLAYS, and a level 0..7."""

    name: str
    bars: int
    plays: tuple[int, ...]
    level: int


@dataclass(slots=True)
class Material:
    """All of a sheet: bars' lengths in units, sections, and what each bar holds.

    `starts` holds where each bar starts in units, and where the last ends.
    """

    starts: list[int]
    sections: list[PlannedSection] = field(default_factory=list)
    bars: list[BarContent] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.bars:
            self.bars = [BarContent() for _ in range(len(self.starts) - 1)]

    def length(self, bar: int) -> int:
        """The units of a bar."""
        return self.starts[bar + 1] - self.starts[bar]


def put_chords(
    material: Material, chords: Sequence[tuple[float, float, int | None, int | None, Sequence[int]]]
) -> None:
    """Cut chords (start and length in beats, root, bass, pitch classes from the tonic) into bars.

    Beats that no chord covers hold none. Roots are given counted from the tonic.
    """
    spans = [
        (
            round(start * UNITS), round((start + length) * UNITS),
            NO_CHORD if root is None or not classes else chord_index(root, classes, 0),
            0 if root is None or bass is None else (bass - root) % 12,
        )
        for start, length, root, bass, classes in chords
    ]  # fmt: skip
    at = 0
    for bar, content in enumerate(material.bars):
        first, end = material.starts[bar], material.starts[bar + 1]
        while at < len(spans) and spans[at][1] <= first:
            at += 1
        found: list[PlannedChord] = []
        place, index = first, at
        while place < end:
            if index < len(spans) and spans[index][0] <= place:
                stop = min(end, spans[index][1])
                chord, bass = spans[index][2:]
                index += 1
            else:
                stop = min(end, spans[index][0] if index < len(spans) else end)
                chord, bass = NO_CHORD, 0
            if stop > place:
                found.append(PlannedChord(place - first, stop - place, chord, bass))
            place = max(place, stop)
        content.chords = found


def put_tune(material: Material, notes: Sequence[tuple[float, float, int]]) -> None:
    """Put a tune (start and length in beats, pitch from a tonic of C) into bars by their starts."""
    for content in material.bars:
        content.notes = []
    total = material.starts[-1]
    rows = sorted((round(start * UNITS), round((start + length) * UNITS), pitch)
                  for start, length, pitch in notes)  # fmt: skip
    bar = 0
    for at, (start, end, pitch) in enumerate(rows):
        following = rows[at + 1][0] if at + 1 < len(rows) else total
        if following <= start or start >= total:
            continue  # two notes within a twelfth, or beyond the end
        stop = following if 0 < following - end < 2 else min(max(end, start + 1), following)
        while bar + 2 < len(material.starts) and material.starts[bar + 1] <= start:
            bar += 1
        length = min(stop - start, LENGTHS[-1])
        event = (start - material.starts[bar], length, min(HIGHEST, max(LOWEST, pitch)))
        notes_here = material.bars[bar].notes
        assert notes_here is not None
        notes_here.append(event)
