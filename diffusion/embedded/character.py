"""How a mood is played: on which drums, how short, beside its figures and its force.

What the mood does to each is a table (diffusion.embedded.moods) that the composer of the training
data reads as well.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from diffusion.embedded.moods import Mood
from diffusion.embedded.performance import DRUMS, Performance, Played

SHORTEST_BEATS = 1 / 12
DETACHED = {"bass": 1.0, "comp": 1.0, "lead": 1.0, "vocals": 0.5}  # how much of a mood's shortness


def on_its_kit(performance: Performance, mood: Mood) -> Performance:
    """Return `performance` with the drums that `mood` has in the place of others."""
    instead = {DRUMS[old]: DRUMS[new] for old, new in mood.kit}
    struck: dict[tuple[float, int], Played] = {}
    for note in performance.parts["drums"].notes:
        pitch = instead.get(note.pitch, note.pitch)
        struck.setdefault((note.start_beats, pitch), replace(note, pitch=pitch))
    return performance.with_notes("drums", tuple(struck.values()))


def articulated(performance: Performance, mood: Mood, kept: Collection[str] = ()) -> Performance:
    """Return `performance` with notes as short as `mood` has them; `kept` parts stay."""
    out = performance
    for name, share in DETACHED.items():
        gate = min(1.0, mood.short**share)
        if name in kept or gate == 1.0:
            continue
        notes = [
            replace(
                note,
                length_beats=max(note.length_beats * gate, min(note.length_beats, SHORTEST_BEATS)),
            )
            for note in out.parts[name].notes
        ]
        out = out.with_notes(name, notes)
    return out
