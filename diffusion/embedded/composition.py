"""From Conditions to a Performance: generated notes, the user's own melody, and the lyrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random

from diffusion.embedded import (
    accents,
    accompaniment,
    character,
    dynamics,
    figures,
    groove,
    joins,
    melody_part,
    moods,
    sheet_reading,
)
from diffusion.embedded import revision as revisions
from diffusion.embedded.backbone import Backbone
from diffusion.embedded.intent import Intent
from diffusion.embedded.latents import PARTS
from diffusion.embedded.note_extraction import decode
from diffusion.embedded.performance import PART_STEM, Performance, from_plain
from diffusion.embedded.sampler import GUIDANCE, STEPS, generate_latents
from diffusion.embedded.timing import retimed
from diffusion.embedded.vocabulary import parse_prompt
from diffusion.embedded.voice.lyrics import place_lyrics
from diffusion.engine import Conditions
from diffusion.errors import EngineError
from diffusion.facts import EmbeddedFacts
from midi.curve import Curve
from midi.grid import Grid
from midi.note import Note
from midi.sections import section_text, spans

HUMANISE = 0.0  # where nothing is asked: exactly on the grid
# Sections that the network was not trained on, by the names of those it was.
_TRAINED_AS = {
    "hook": "chorus", "refrain": "chorus", "drop": "chorus", "pre-chorus": "verse",
    "build": "verse", "breakdown": "bridge", "break": "bridge", "interlude": "bridge",
}  # fmt: skip
# The intensity of each section where none is given, 0..1.
_LEVEL = {"intro": 0.4, "verse": 0.6, "chorus": 0.85, "bridge": 0.5, "outro": 0.5}


def compose(
    network: Backbone,
    conditions: Conditions,
    step: Callable[[float], None],
) -> tuple[Performance, EmbeddedFacts, int]:
    """Return the notes to play, facts on them, and the seed of their sound.

    `step` is given the fraction done, and may raise to stop.
    """
    revision, seed = conditions.revision, conditions.seed
    old = from_plain(revision.score) if revision else None
    if revision and old:
        if abs(old.beats - float(conditions.grid.beats)) > 1e-6:
            raise EngineError("the score is of another length than the grid")
        old_seed = revision.score.get("seed")
        if not isinstance(old_seed, int):
            raise EngineError("the score has no seed")
        seed = old_seed  # so that what is kept sounds as it did
    if revision and old and revision.notes is not None:
        performance = revisions.with_notes(old, conditions.stems[0], revision.notes)
        facts = EmbeddedFacts()
    else:
        performance, facts = _generated(network, conditions, old, step)
    if old is None or "vocals" in conditions.stems:
        sung, words_left = place_lyrics(performance.parts["vocals"].notes, conditions.lyrics)
        performance = performance.with_notes("vocals", sung)
        facts = replace(facts, remarks=(*facts.remarks, *words_left))
    return performance, facts, seed


def _generated(
    network: Backbone,
    conditions: Conditions,
    old: Performance | None,
    step: Callable[[float], None],
) -> tuple[Performance, EmbeddedFacts]:
    """Generate the notes, all of them or those to change of `old`."""
    grid, tonic = conditions.grid, conditions.key.tonic
    text, remarks = _prompt(conditions)
    prompt = parse_prompt(text)
    remarks += prompt.remarks
    part = "lead" if conditions.lead == "melody" else "vocals"
    sheet = conditions.lead_sheet
    melody = conditions.melody or sheet_reading.melody_of(sheet)
    tune = None
    if melody is not None:
        tune, moved = melody_part.tune_of(melody, part)
        remarks += moved
    presence = sheet_reading.presence_of(sheet, grid.bars)
    presence |= {name: (False,) * grid.bars for name in prompt.without}
    sections, bar_intensity = form_of(
        grid, conditions.sections or sheet_reading.sections_of(sheet, grid.bars),
        conditions.intensity, sheet.intensity,
    )  # fmt: skip
    intent = Intent(
        grid=grid,
        key=conditions.key,
        lead=conditions.lead,
        tokens=prompt.blended_tokens(),
        tune=tune,
        harmony=melody_part.harmony_of(sheet.chords, melody),
        sections=sections,
        intensity=bar_intensity,
        presence=presence,
        ends=not conditions.loops,
    )
    known = kept = None
    new_parts = revisions.parts_of(conditions.stems) if old else PARTS
    span = 0.0, float(grid.beats)
    if old and conditions.revision:
        starts = grid.bar_starts
        revision = conditions.revision
        span = float(starts[revision.first_bar]), float(starts[revision.end_bar])
        known, kept = revisions.known_around(old, tonic, new_parts, span)
    latents = generate_latents(
        network, intent, conditions.seed, step=step, known=known, known_parts=kept
    )
    performance = decode(latents, tonic, float(grid.beats))
    mood = moods.blend(Random(f"mood {conditions.seed}"), prompt.moods)
    performance = groove.with_groove(performance, presence.get("drums"), grid)
    performance = joins.with_joins(
        performance, sections, bar_intensity, prompt.style, grid, conditions.seed
    )
    performance = character.on_its_kit(performance, mood)
    performance = figures.with_figures(
        performance, intent.harmony, mood, grid, not conditions.loops
    )
    performance = accompaniment.with_planned_chords(performance, intent.harmony)
    performance = sheet_reading.kept_silent(performance, presence, grid)
    # A curve of the user's says more exactly below how loud each note is.
    loudness = (1.0,) * grid.bars if conditions.intensity is not None else bar_intensity
    performance = accents.accented(performance, loudness, grid, conditions.seed, mood.force)
    intensity = agreement = None
    if conditions.intensity is not None:
        performance = dynamics.follow(performance, conditions.intensity, grid)
        intensity = tuple(round(each, 4) for each in bar_intensity)
    if tune is not None and part in new_parts:
        agreement = round(melody_part.agreement(performance.parts[part].notes, tune), 4)
        force = 1.0 if conditions.melody else mood.force
        performance = performance.with_notes(part, accents.forced(tune, force))
    given = (part,) if conditions.melody else ()  # which stays as it was written
    performance = character.articulated(performance, mood, given)
    as_played = HUMANISE if conditions.humanise is None else conditions.humanise
    performance = retimed(performance, as_played, conditions.swing, given)
    if old:
        performance = revisions.splice(old, performance, new_parts, span)
    return performance, EmbeddedFacts(
        steps=STEPS,
        guidance_scale=GUIDANCE,
        style=prompt.style,
        blended=prompt.blended or None,
        without=prompt.without or None,
        moods=prompt.moods,
        unknown_words=prompt.unknown,
        sections=sections,
        intensity=intensity,
        melody_agreement_before_keeping=agreement,
        timbres={name: p.timbre for name, p in performance.parts.items() if p.notes},
        remarks=tuple(remarks),
    )


def form_of(
    grid: Grid,
    asked: tuple[str, ...],
    curve: Curve | None = None,
    planned: tuple[float, ...] | None = None,
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return a section name and an intensity (0..1) for every bar of `grid`.

    Of `asked` section names, one a bar or none at all, the tags are kept. With a `curve` the
    intensity of each bar is its mean there, else as `planned`, else as its section has it.

    A request without sections gets verse and chorus in turn, eight bars each (half and half when
    it is short), so that every bar has the full band.
    """
    span = min(8, max(1, grid.bars // 2))
    tags = [section_text(name).tag for name in asked or ("",) * grid.bars]
    names = tuple(
        _TRAINED_AS.get(tag, tag) or ("verse", "chorus")[(bar // span) % 2]
        for bar, tag in enumerate(tags)
    )
    if curve is not None:
        return names, curve.bar_means(grid.bar_starts)
    if planned is not None:
        return names, planned
    return names, tuple(_LEVEL.get(name, 0.6) for name in names)


def _prompt(conditions: Conditions) -> tuple[str, list[str]]:
    """Return the prompt for the whole music, and remarks on the prompts of other sections.

    All that is generated at once has one prompt: the tags and the words of its first section.
    """
    first = conditions.revision.first_bar if conditions.revision else 0
    first_words = section_text(conditions.sections[first]).words if conditions.sections else ""
    remarks = [
        f"the words of bars {span.first_bar + 1}-{span.end_bar} were not followed: {words!r}; the "
        "embedded engine plays one style throughout"
        for span in spans(conditions.sections)
        if (words := section_text(span.name).words) not in ("", first_words)
    ]
    return ", ".join(filter(None, (conditions.tags, first_words))), remarks


def notes_of(performance: Performance, stem: str) -> tuple[Note, ...]:
    """Return what `stem` plays as MIDI notes, those of all its parts in order of start."""
    notes = [
        Note(
            Fraction(round(note.start_beats * 960), 960),
            Fraction(max(1, round(note.length_beats * 960)), 960),
            note.pitch,
            min(127, max(1, round(note.velocity * 127))),
        )
        for name, part in performance.parts.items()
        if PART_STEM[name] == stem
        for note in part.notes
    ]
    return tuple(sorted(notes, key=lambda note: (note.start_beats, note.pitch)))
