"""Choosing among takes: each attempt is judged, the best are kept, all are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from audio.choice import Judgement, Limits, best_first, judge
from audio.examination import examine
from audio.measure import measure
from diffusion.engine import Conditions
from osc_protocol.generate import Generate
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
    """The takes to deliver, the best first, and all `attempts` as the manifest keeps them."""

    takes: tuple[Take, ...]
    attempts: tuple[Mapping[str, object], ...] = ()

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
    earlier: Sequence[Mapping[str, object]] = (),
) -> Choice:
    """Play all `seeds`, and of `more_seeds` until one passes the limits; keep the best.

    `play` takes the attempt's number from 0 and its seed. Only `keep` takes are held at a time.
    Where none passes the best of them is kept, for the user to hear. The attempts of an `earlier`
    choice are listed before these.
    """
    kept: list[tuple[int, Attempt]] = []
    played: list[dict[str, object]] = []
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
        played[number]["kept"] = True
    attempts = [*({**each, "kept": False} for each in earlier), *played]
    takes = tuple(
        replace(
            each.take,
            facts={**each.take.facts, "choice": {**played[number], "attempts": attempts}},
        )
        for number, each in delivered
    )
    return Choice(takes, tuple(attempts))


def refusal_of(facts: Mapping[str, object]) -> str:
    """Say why the best take, which has these facts, is delivered although none passed, or ""."""
    choice = _mapping(facts.get("choice"))
    reasons, attempts = choice.get("reasons"), choice.get("attempts")
    if not isinstance(reasons, list) or not isinstance(attempts, list) or not reasons:
        return ""
    tries = f"{len(attempts)} take{'s' if len(attempts) > 1 else ''}"
    return (
        f"none of {tries} passed; the best (seed {choice['seed']}, score "
        f"{choice['score']:.2f}) is kept: {'; '.join(reasons)}"
    )


def measured(
    stem_set: StemSet,
    request: Generate,
    conditions: Conditions,
    facts: Mapping[str, object],
) -> tuple[dict[str, object], Judgement]:
    """Return what was measured on a take, and if takes are chosen by it, what the take is worth."""
    grid, key, drums = conditions.grid, conditions.key, stem_set.clips.get("drums")
    if not request.chooses:
        return as_plain(measure(stem_set.mix, grid, key, drums=drums)), NOT_JUDGED
    found = examine(
        stem_set.mix, grid, key, drums=drums, melody=conditions.melody,
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


def _described(seed: int, attempt: Attempt) -> dict[str, object]:
    judgement, moved = attempt.judgement, _mapping(attempt.take.facts.get("transposed"))
    return {
        "seed": seed, "score": judgement.score, "parts": dict(judgement.parts),
        "reasons": list(judgement.reasons), "kept": False,
        **({"transposed_semitones": moved["semitones"]} if moved else {}),
    }  # fmt: skip


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
