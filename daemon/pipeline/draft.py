"""A take in the making, handed from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audio.clip import Clip
from midi.note import Note
from stems.facts import TakeFacts


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Stems of (2, frames) each, what they play, the engine's score, and what was done so far."""

    stems: Mapping[str, Clip]
    notes: Mapping[str, tuple[Note, ...]]
    score: Mapping[str, object] | None
    facts: TakeFacts
