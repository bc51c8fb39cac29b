"""Choosing among takes: each attempt is judged, the best are kept, all are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from audio.choice import Judgement, Limits, best_first, judge
from audio.examination import examine, measure
from audio.report import ChordMatch, NotConformed, Report
from diffusion.engine import Conditions
from midi.note import Note
from osc_protocol.generate import Generate
from stems.facts import AttemptEntry, ChoiceEntry, TakeFacts
from stems.stem_set import StemSet, Take

NO_LIMITS = Limits(tempo_percent=None, placement_ms=None, faults=None)
NOT_JUDGED = Judgement(0.0, {}, ())


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A take, its score, and the reasons it failed: none where it passed."""

    take: Take
    judgement: Judgement


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The takes to deliver, the best first, and all `attempts` as the manifest keeps them."""

    takes: tuple[Take, ...]
    attempts: tuple[AttemptEntry, ...] = ()

    @property
    def refusal(self) -> str:
        """Why none of them passed, or ""."""
        return refusal_of(self.takes[0].facts)


def choose(
    play: Callable[[int, int], Attempt],
    seeds: Sequence[int],
    more_seeds: Sequence[int],
    keep: int,
    limits: Limits | None,
    earlier: Sequence[AttemptEntry] = (),
) -> Choice:
    """Play all `seeds`, and of `more_seeds` until one passes the limits; keep the best.

    `play` takes the attempt's number from 0 and its seed. Only `keep` takes are held at a time.
    Where none passes the best is kept, so that the user can listen to it. The attempts of an
    `earlier` choice are listed before these.
    """
    kept: list[tuple[int, Attempt]] = []
    played: list[AttemptEntry] = []
    for number, seed in enumerate([*seeds, *(more_seeds if limits else ())]):
        if number >= len(seeds) and any(not each.judgement.reasons for _, each in kept):
            break
        attempt = play(number, seed)
        played.append(_described(seed, attempt))
        kept.append((number, attempt))
        order = best_first([each.judgement for _, each in kept])
        kept = [kept[index] for index in order[:keep]]
    passed = [pair for pair in kept if not pair[1].judgement.reasons]
    delivered = passed or (kept[:1] if limits else kept)
    for number, _ in delivered:
        played[number] = replace(played[number], kept=True)
    attempts = (*(replace(each, kept=False) for each in earlier), *played)
    takes = tuple(_with_choice(each.take, played[number], attempts) for number, each in delivered)
    return Choice(takes, attempts)


def refusal_of(facts: TakeFacts) -> str:
    """Say why the best take, which has these facts, is delivered although none passed, or ""."""
    choice = facts.choice
    if choice is None or not choice.reasons:
        return ""
    tries = f"{len(choice.attempts)} take{'s' if len(choice.attempts) > 1 else ''}"
    return (
        f"none of {tries} passed; the best (seed {choice.seed}, score "
        f"{choice.score:.2f}) is kept: {'; '.join(choice.reasons)}"
    )


def measured(
    stem_set: StemSet,
    request: Generate,
    conditions: Conditions,
    facts: TakeFacts,
    notes: Mapping[str, Sequence[Note]],
) -> tuple[Report, Judgement]:
    """Return what was measured on a take, and if takes are chosen by it, what the take is worth.

    `notes` are those of the stems, as far as the engine knows them.
    """
    grid, key, drums = conditions.grid, conditions.key, stem_set.clips.get("drums")
    chords = _chord_match(stem_set, conditions, notes)
    expected = conditions.frames(stem_set.sample_rate)
    if not request.chooses:
        report = measure(stem_set.mix, grid, key, drums=drums)
        return replace(report, chords=chords, frames_expected=expected), NOT_JUDGED
    found = examine(
        stem_set.mix, grid, key, drums=drums, melody=conditions.melody,
        melody_stem=stem_set.clips.get(request.lead),
    )  # fmt: skip
    found = replace(found, chords=chords, frames_expected=expected)
    limits = Limits.parse(request.gate)
    judgement = judge(found, limits or NO_LIMITS)
    if limits and isinstance(facts.conform, NotConformed):
        reasons = (*judgement.reasons, f"it is not on the grid: {facts.conform.refused}")
        judgement = replace(judgement, reasons=reasons)
    return found, judgement


def _chord_match(
    stem_set: StemSet, conditions: Conditions, notes: Mapping[str, Sequence[Note]]
) -> ChordMatch | None:
    """Compare the lead sheet's chords with the notes, else with the sound but for the drums."""
    chords = conditions.lead_sheet.chords
    if not chords:
        return None
    from audio.chord_match import match_notes, match_sound

    found = match_notes(chords, notes)
    pitched = {name: clip for name, clip in stem_set.clips.items() if name != "drums"}
    if found is not None or not pitched:
        return found
    return match_sound(chords, StemSet(pitched, gained_db=0.0).mix, conditions.grid)


def table(attempts: Sequence[AttemptEntry]) -> list[str]:
    """The attempts as lines of a table: seed, score, its parts, and what became of them."""
    parts = list(attempts[0].parts) if attempts else []
    lines = [f"{'seed':>20}  score  {'  '.join(f'{name:>9}' for name in parts)}"]
    for each in attempts:
        cells = [f"{'-' if mark is None else f'{mark:.2f}':>9}" for mark in each.parts.values()]
        moved = each.transposed_semitones
        verdict = "kept" if each.kept else "dropped"
        verdict += "" if moved is None else f", transposed by {moved:+d}"
        verdict += f": {'; '.join(each.reasons)}" if each.reasons else ""
        lines.append(f"{each.seed:>20}  {each.score:>5.2f}  {'  '.join(cells)}  {verdict}")
    return lines


def _described(seed: int, attempt: Attempt) -> AttemptEntry:
    judgement, moved = attempt.judgement, attempt.take.facts.transposed
    return AttemptEntry(
        seed=seed, score=judgement.score, parts=judgement.parts, reasons=judgement.reasons,
        kept=False, transposed_semitones=moved.semitones if moved else None,
    )  # fmt: skip


def _with_choice(take: Take, attempt: AttemptEntry, attempts: tuple[AttemptEntry, ...]) -> Take:
    own = {each.name: getattr(attempt, each.name) for each in fields(attempt)}
    return replace(take, facts=replace(take.facts, choice=ChoiceEntry(**own, attempts=attempts)))
