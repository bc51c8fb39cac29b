"""A lead sheet in the band's own terms: who plays in which bar, form, tune.

The sheet says "chords" for the accompaniment (comp here), "melody" for the lead instrument.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from diffusion.embedded.performance import Part, Performance, Played
from midi.grid import Grid
from midi.lead_sheet import LeadSheet
from midi.melody import Melody

BAND_PART: Mapping[str, str] = {
    "drums": "drums", "bass": "bass", "chords": "comp", "melody": "lead", "vocals": "vocals",
}  # fmt: skip
EARLY_BEATS = 1 / 24  # half a latent frame: a note so near a bar belongs to it

Presence = Mapping[str, tuple[bool, ...]]


def presence_of(sheet: LeadSheet, bars: int) -> dict[str, tuple[bool, ...]]:
    """Return by part in which of so many bars it plays; parts of which nothing is said are left."""
    return {
        BAND_PART[name]: tuple(sheet.plays(name, bar) for bar in range(1, bars + 1))
        for name in sheet.parts
    }


def sections_of(sheet: LeadSheet, bars: int) -> tuple[str, ...]:
    """Return the section's name of every bar, "" where none is; () where there are none at all."""
    names = [""] * bars
    for section in sheet.sections:
        for bar in range(section.first_bar - 1, min(section.last_bar, bars)):
            names[bar] = section.name
    return tuple(names) if sheet.sections else ()


def melody_of(sheet: LeadSheet) -> Melody | None:
    """Return the tune, None where the sheet has none."""
    return Melody(sheet.tune.notes) if sheet.tune and sheet.tune.notes else None


def kept_silent(performance: Performance, presence: Presence, grid: Grid) -> Performance:
    """Return `performance` without what any part plays in a bar in which it is not to play."""
    ends = [float(start) for start in grid.bar_starts]
    parts = {
        name: replace(part, notes=_kept(part, presence[name], ends)) if name in presence else part
        for name, part in performance.parts.items()
    }
    return Performance(performance.beats, parts)


def _kept(part: Part, plays: tuple[bool, ...], starts: list[float]) -> tuple[Played, ...]:
    """The notes that begin where `plays`, cut off where the next bar that does not begins."""
    until = [math.inf] * (len(plays) + 1)
    for bar in range(len(plays) - 1, -1, -1):
        until[bar] = until[bar + 1] if plays[bar] else starts[bar]
    kept = []
    for note in part.notes:
        bar = max(0, sum(start <= note.start_beats + EARLY_BEATS for start in starts[:-1]) - 1)
        if plays[bar]:
            length = min(note.length_beats, until[bar] - note.start_beats)
            kept.append(replace(note, length_beats=length))
    return tuple(kept)
