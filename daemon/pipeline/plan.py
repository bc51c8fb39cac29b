"""The lead sheet of a request: what the user gave, or a plan, completed by the planner."""

from __future__ import annotations

from dataclasses import replace

from diffusion.embedded.vocabulary import parse_prompt
from diffusion.engine import Conditions, Engine
from midi.lead_sheet import LeadSheet, Section, Tune
from midi.melody import Melody
from midi.sections import spans
from osc_protocol.generate import Generate
from stems.source import Source

# The parts of a lead sheet that sound in each stem.
STEM_PARTS = {
    "drums": ("drums",), "bass": ("bass",), "melody": ("chords", "melody"), "vocals": ("vocals",),
}  # fmt: skip
SHEET_PARTS = {"comp": "chords", "lead": "melody"}  # parts of a prompt that a sheet calls otherwise


def given_sheet(
    request: Generate, melody: Melody | None, source: Source | None = None
) -> tuple[LeadSheet, tuple[str, ...]]:
    """Return the lead sheet that a request gives, and sentences on how it was read.

    It is that of `plan_path`, or of the `source` that is changed, in which what the request itself
    gives takes the place of what was there; partial where nothing is said. Stems that are not
    asked for, or that the style leaves out in words, are parts that do not play. Raises
    ProtocolError.
    """
    base, changes = request.read_plan() or (source.lead_sheet if source else LeadSheet(), ())
    progression, curve, grid = request.read_chords(), request.curve, request.grid
    if progression:
        base, changes = replace(base, chords=progression.chords), changes + progression.changes
    if request.bar_sections:
        base = replace(base, sections=_sections(request.bar_sections))
    if melody:
        base = replace(base, tune=Tune(request.lead, melody.notes))
    if curve:
        base = replace(base, intensity=curve.bar_means(grid.bar_starts))
    if source is None:
        base = replace(base, parts={**base.parts, **_silent(request)})
    return base, changes


def planned(conditions: Conditions, engine: Engine) -> Conditions:
    """Return conditions whose lead sheet is complete: what was not given is planned.

    That is done for an engine that plays plans, and not where a result is changed, which keeps to
    what it had. Raises EngineError.
    """
    from diffusion.embedded.engine import read_card

    if not engine.plays_plans or conditions.revision is not None:
        return conditions
    if "planner" not in read_card()["files"]:
        return conditions
    from diffusion.planner.complete import complete

    sheet = complete(
        conditions.lead_sheet, grid=conditions.grid, key=conditions.key,
        prompt=parse_prompt(conditions.tags), seed=conditions.seed, lead=conditions.lead,
        ending="loop" if conditions.loops else "full",
    )  # fmt: skip
    return replace(conditions, lead_sheet=sheet)


def _silent(request: Generate) -> dict[str, tuple[()]]:
    """The parts that do not play: of stems that are not asked for, and those of "no drums"."""
    stems = [part for stem, own in STEM_PARTS.items() if stem not in request.stems for part in own]
    words = [SHEET_PARTS.get(part, part) for part in parse_prompt(request.tags).without]
    return {part: () for part in (*stems, *words)}


def _sections(bar_names: tuple[str, ...]) -> tuple[Section, ...]:
    return tuple(
        Section(span.name, span.first_bar + 1, span.end_bar)
        for span in spans(bar_names)
        if span.name
    )
