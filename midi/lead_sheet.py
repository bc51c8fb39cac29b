"""The lead sheet: the plan between what is asked and what is played.

Form, chords, the tune and the part that carries it, which parts play in which bars, and how intense
each bar is. A sheet may be partial: what it does not hold is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from midi.chords import Chord
from midi.errors import SheetError
from midi.grid import Grid
from midi.note import Note
from midi.number import shown

PARTS = ("drums", "bass", "chords", "melody", "vocals")
TUNE_PARTS = ("melody", "vocals")
SLACK_BEATS = 1e-6  # what decimals of beats may miss


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the form: its name, and the bars it has, from 1, both included."""

    name: str
    first_bar: int
    last_bar: int


@dataclass(frozen=True, slots=True)
class Tune:
    """The tune: one voice of notes in order of time, and the part that carries it."""

    part: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class LeadSheet:
    """What is known of a piece before it is played. Bars count from 1, both ends included.

    () and None mean not known. `parts` holds the bars in which a part plays: () where it never
    does, no entry where nothing is said. "chords" is the accompaniment. `intensity` is 0..1 for
    each bar. Raises SheetError.
    """

    sections: tuple[Section, ...] = ()
    chords: tuple[Chord, ...] = ()
    tune: Tune | None = None
    parts: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    intensity: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        spans = [(each.first_bar, each.last_bar) for each in self.sections]
        _check_spans("sections", spans)
        for before, after in pairwise(self.chords):
            if after.start_beats < before.end_beats - SLACK_BEATS:
                raise SheetError(
                    f"chords must not overlap, but {after.symbol} at beat {after.start_beats:g} "
                    f"begins before {before.symbol} has ended"
                )
        if self.tune and self.tune.part not in TUNE_PARTS:
            raise refused("tune part", "melody or vocals", self.tune.part)
        for name, bars in self.parts.items():
            if name not in PARTS:
                raise refused("parts", f"some of {', '.join(PARTS)}", name)
            _check_spans(f"parts, {name},", bars)
        for value in self.intensity or ():
            if not 0 <= value <= 1:
                raise refused("intensity", "a number from 0 to 1 for each bar", value)

    @property
    def bars(self) -> int:
        """The last bar that sections, parts or intensity name; 0 where none does."""
        lasts = [each.last_bar for each in self.sections]
        lasts += [last for bars in self.parts.values() for _, last in bars]
        return max([*lasts, len(self.intensity or ())], default=0)

    def plays(self, part: str, bar: int) -> bool:
        """Whether a part plays in a bar (from 1); True where nothing is said of it."""
        bars = self.parts.get(part)
        return bars is None or any(first <= bar <= last for first, last in bars)

    def bar_sections(self, bars: int) -> tuple[str, ...]:
        """One section name a bar, "" where there is none; nothing at all where none is known."""
        if not self.sections:
            return ()
        names = [""] * bars
        for each in self.sections:
            names[each.first_bar - 1 : each.last_bar] = [each.name] * (
                each.last_bar - each.first_bar + 1
            )
        return tuple(names[:bars])

    def check_on(self, grid: Grid) -> None:
        """Raise SheetError unless all of it lies on the grid's bars."""
        if self.bars > grid.bars:
            raise SheetError(f"the lead sheet has {self.bars} bars, but the music has {grid.bars}")
        if self.intensity is not None and len(self.intensity) != grid.bars:
            raise refused(
                "intensity", f"one number for each of {grid.bars} bars", len(self.intensity)
            )
        ends = [("chord", each.end_beats) for each in self.chords]
        ends += [("note", float(each.end_beats)) for each in (self.tune.notes if self.tune else ())]
        for what, end in ends:
            if end > float(grid.beats) + SLACK_BEATS:
                raise SheetError(
                    f"a {what} of the lead sheet ends at beat {end:g}, "
                    f"but the music has {float(grid.beats):g} beats"
                )

    def as_dict(self) -> dict[str, Any]:
        """The sheet as JSON types; intensity only where it is known."""
        plain: dict[str, Any] = {
            "sections": [
                {"name": each.name, "first_bar": each.first_bar, "last_bar": each.last_bar}
                for each in self.sections
            ],
            "chords": [
                {
                    "start_beats": each.start_beats, "length_beats": each.length_beats,
                    "symbol": each.symbol, "root": each.root, "bass": each.bass,
                    "pitch_classes": list(each.pitch_classes),
                }
                for each in self.chords
            ],
            "tune": None,
            "parts": {name: [list(span) for span in bars] for name, bars in self.parts.items()},
        }  # fmt: skip
        if self.tune:
            plain["tune"] = {
                "part": self.tune.part,
                "notes": [
                    {
                        "start_beats": float(note.start_beats),
                        "length_beats": float(note.length_beats),
                        "pitch": note.pitch, "velocity": note.velocity,
                    }
                    for note in self.tune.notes
                ],
            }  # fmt: skip
        if self.intensity is not None:
            plain["intensity"] = list(self.intensity)
        return plain


def _check_spans(name: str, spans: Sequence[tuple[int, int]]) -> None:
    end = 0
    for first, last in spans:
        if not end < first <= last:
            raise SheetError(f"{name} must be in order and apart, not bars {first}-{last}")
        end = last


def refused(name: str, wanted: str, found: object) -> SheetError:
    """Return the error that says what a part of a sheet must be."""
    return SheetError(f"{name} must be {wanted}, not {shown(found)}")
