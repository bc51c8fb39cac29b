"""The token that a known sheet has at a writer's place: what is learnt, and what is given."""

from __future__ import annotations

from diffusion.planner import vocabulary as v
from diffusion.planner.material import Event, Material, PlannedChord
from diffusion.planner.writer import Writer

# A bar comes back where at least this share of it (F1 of its chords or notes) is the same.
SAME = 0.6


def known_token(writer: Writer, known: Material) -> int | None:
    """The next token as `known` has it; None where it holds nothing here."""
    stage = writer.stage
    if stage in ("section", "bars", "play", "level"):
        return _form_token(writer, known, stage)
    bar = known.bars[writer.bar]
    if stage.startswith("chord"):
        return None if bar.chords is None else _chord_token(writer, bar.chords, stage)
    return None if bar.notes is None else _tune_token(writer, bar.notes, stage)


def _form_token(writer: Writer, known: Material, stage: str) -> int | None:
    at = len(writer.done.sections)
    if at >= len(known.sections):
        return None
    section = known.sections[at]
    if stage == "section":
        return v.SECTION + v.SECTIONS.index(section.name)
    if stage == "bars":
        return v.BARS + min(v.MOST_SECTION_BARS, section.bars) - 1
    if stage == "play":
        return v.PLAY + section.plays[len(writer.open_plays)]
    return v.LEVEL + section.level


def _chord_token(writer: Writer, chords: list[PlannedChord], stage: str) -> int:
    if stage == "chord_source":
        events = {(c.position, c.index) for c in chords}
        found = {
            kind: _alike(events, {(c.position, c.index) for c in writer.done.bars[at].chords or ()})
            for kind, at in writer.sources()
        }
        return _reference(found)
    chord = next(c for c in chords if c.position <= writer.position < c.position + c.length)
    if stage == "chord":
        return v.NO_CHORD if chord.index < 0 else v.CHORD + chord.index
    if chord.bass and writer.chord is not None and not writer.chord[1]:
        return v.SLASH + chord.bass
    return v.length_token(chord.position + chord.length - writer.position)


def _tune_token(writer: Writer, notes: list[Event], stage: str) -> int:
    if stage == "tune_source":
        if not notes:
            return v.REFERENCE + v.REFERENCES.index("rest")
        events = {(start // 3, pitch) for start, _, pitch in notes}
        found = {
            kind: _alike(events, {(s // 3, p) for s, _, p in writer.done.bars[at].notes or ()})
            for kind, at in writer.sources()
        }
        return _reference(found)
    sounding = next((n for n in notes if n[0] == writer.position), None)
    if stage == "note":
        return v.PAUSE if sounding is None else v.PITCH + sounding[2] - v.LOWEST
    if writer.pitch is not None and sounding is not None:
        return v.length_token(sounding[1])
    bar_end = writer.done.length(writer.bar)
    later = [n[0] for n in notes if n[0] > writer.position]
    return v.length_token(max(1, min([*later, bar_end]) - writer.position))


def _alike(one: set[tuple[int, int]], other: set[tuple[int, int]]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _reference(found: dict[str, float]) -> int:
    best = max(found.values(), default=0.0)
    kind = "new" if best < SAME else next(kind for kind in found if found[kind] == best)
    return v.REFERENCE + v.REFERENCES.index(kind)
