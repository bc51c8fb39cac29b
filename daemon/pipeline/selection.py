"""Choosing among takes: every attempt is judged, the best are kept, and the rest is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from audio.choice import Judgement, Limits, best_first, judge
from audio.examination import examine
from audio.measure import measure
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from osc_protocol.generate_request import GenerateRequest
from stems.plain import as_plain
from stems.stem_set import StemSet
from stems.take import Take

NO_LIMITS = Limits(tempo_percent=None, placement_ms=None, faults=None)
NOT_JUDGED = Judgement(0.0, {}, ())


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A take, what it is worth, and what stands against it: nothing where it passed."""

    take: Take
    judgement: Judgement


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The takes to deliver, the best first; `refusal` says why none of them passed, or is empty.

    `attempts` tells of all that were played, as the manifest keeps it.
    """

    takes: tuple[Take, ...]
    refusal: str
    attempts: tuple[Mapping[str, object], ...] = ()


def choose(
    play: Callable[[int, int], Attempt],
    seeds: Sequence[int],
    more_seeds: Sequence[int],
    keep: int,
    limits: Limits | None,
    before: Sequence[Mapping[str, object]] = (),
) -> Choice:
    """Play all `seeds`, and of `more_seeds` until one passes the limits; keep the best.

    `play` takes the attempt's number from 0 and its seed. Only `keep` takes are held at a time.
    Where none passes the best of them is kept, for the user to hear. `before` are attempts of an
    earlier choice, which are told of as well.
    """
    kept: list[tuple[int, Attempt]] = []
    told: list[dict[str, object]] = []
    earlier = [{**each, "kept": False} for each in before]
    for number, seed in enumerate([*seeds, *(more_seeds if limits else ())]):
        if number >= len(seeds) and any(not each.judgement.reasons for _, each in kept):
            break
        attempt = play(number, seed)
        told.append(_told(seed, attempt))
        kept.append((number, attempt))
        order = best_first([each.judgement for _, each in kept])
        kept = [kept[index] for index in order[:keep]]
    passed = [pair for pair in kept if not pair[1].judgement.reasons]
    delivered = passed or (kept[:1] if limits else kept)
    for number, _ in delivered:
        told[number]["kept"] = True
    all_told = [*earlier, *told]
    takes = tuple(_with_choice(each, told[number], all_told) for number, each in delivered)
    if passed or limits is None:
        return Choice(takes, "", tuple(all_told))
    best = kept[0][1]
    tries = f"{len(told)} take{'s' if len(told) > 1 else ''}"
    return Choice(
        takes,
        f"none of {tries} passed; the best (seed {best.take.seed}, score "
        f"{best.judgement.score:.2f}) is kept: {'; '.join(best.judgement.reasons)}",
        tuple(all_told),
    )


def judged(
    stem_set: StemSet,
    request: GenerateRequest,
    grid: Grid,
    key: Key,
    melody: Melody | None,
    facts: Mapping[str, object],
) -> tuple[dict[str, object], Judgement]:
    """What was measured on a take, and where takes are chosen by it, what the take is worth."""
    drums = stem_set.clips.get("drums")
    if not request.chooses:
        return as_plain(measure(stem_set.mix, grid, key, drums=drums)), NOT_JUDGED
    found = examine(
        stem_set.mix, grid, key, drums=drums, melody=melody,
        melody_stem=stem_set.clips.get(request.lead),
    )  # fmt: skip
    limits = Limits.parse(request.gate)
    judgement = judge(found, limits or NO_LIMITS)
    refused = _mapping(facts.get("conform")).get("refused")
    if limits and refused:
        reasons = (*judgement.reasons, f"it is not on the grid: {refused}")
        judgement = replace(judgement, reasons=reasons)
    return as_plain(found), judgement


def table(attempts: Sequence[Mapping[str, object]]) -> list[str]:
    """The attempts as lines of a table: seed, score, its parts, and what became of them."""
    parts = list(_mapping(attempts[0]["parts"])) if attempts else []
    lines = [f"{'seed':>20}  score  {'  '.join(f'{name:>9}' for name in parts)}"]
    for attempt in attempts:
        marks = _mapping(attempt["parts"])
        cells = [f"{'-' if mark is None else f'{mark:.2f}':>9}" for mark in marks.values()]
        reasons = attempt.get("reasons")
        against = "; ".join(map(str, reasons)) if isinstance(reasons, list | tuple) else ""
        verdict = "kept" if attempt.get("kept") else "dropped"
        moved = attempt.get("transposed_semitones")
        verdict += f", transposed by {moved:+d}" if isinstance(moved, int) else ""
        lines.append(
            f"{attempt['seed']:>20}  {attempt['score']:>5.2f}  {'  '.join(cells)}  {verdict}"
            f"{f': {against}' if against else ''}"
        )
    return lines


def _told(seed: int, attempt: Attempt) -> dict[str, object]:
    judgement, moved = attempt.judgement, _mapping(attempt.take.facts.get("transposed"))
    return {
        "seed": seed, "score": judgement.score, "parts": dict(judgement.parts),
        "reasons": list(judgement.reasons), "kept": False,
        **({"transposed_semitones": moved["semitones"]} if moved else {}),
    }  # fmt: skip


def _with_choice(
    attempt: Attempt, mine: Mapping[str, object], told: Sequence[Mapping[str, object]]
) -> Take:
    facts = {**attempt.take.facts, "choice": {**mine, "attempts": list(told)}}
    return replace(attempt.take, facts=facts)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
