"""One generation of the same request, ready to be written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from midi.note import Note
from stems.stem_set import StemSet

NOTES_HEARD = "notes_heard"  # in a take's facts: the stems whose notes were heard in their sound


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """Stems, what each of them plays, what was measured on them, and the seed they came from.

    `notes` is by stem and may be empty, `report` is a Report's as_dict(), `facts` are the
    engine's own words about this take; report and facts go into the manifest as they are.
    `score` is what the engine needs to change it later; it is kept in score.json.
    """

    stem_set: StemSet
    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    report: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    facts: Mapping[str, object] = field(default_factory=dict)
    score: Mapping[str, object] | None = None
