"""One generation of the same request, ready to be written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audio.report import Report
from midi.note import Note
from stems.facts import TakeFacts
from stems.stem_set import StemSet


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """Stems, what each of them plays, what was measured on them, and the seed they came from.

    `notes` is by stem and may be empty; `report` is None where nothing was measured. `score` is
    what the engine needs to change the take later; it is kept in score.json.
    """

    stem_set: StemSet
    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    report: Report | None = None
    seed: int = 0
    facts: TakeFacts = field(default_factory=TakeFacts)
    score: Mapping[str, object] | None = None
