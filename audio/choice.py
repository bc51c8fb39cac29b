"""Choose among takes by what was measured: limits to pass, a score from named parts, reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audio.errors import AudioError
from audio.report import Examination

KEY_MARKS = {"same": 1.0, "relative": 0.7, "fifth": 0.4, "parallel": 0.4, "other": 0.0}
WHOLE_MS = 5.0  # beats this near to the grid in the median earn everything
LOST_MS = 60.0  # and this far, nothing
LOST_TEMPO_PERCENT = 6.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a take must keep to pass the gate; None asks for nothing. Raises AudioError.

    What could not be measured (the tempo of a pad, say) passes: silence is a fault of its own.
    """

    tempo_percent: float | None = 1.0
    placement_ms: float | None = 30.0
    melody_f1: float | None = None
    chords_share: float | None = None
    key: tuple[str, ...] | None = None  # relations that pass
    faults: int | None = 0

    def __post_init__(self) -> None:
        for name in ("tempo_percent", "placement_ms", "melody_f1", "chords_share", "faults"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise AudioError(f"limit {name} must be 0 or more, not {value:g}")
        unknown = set(self.key or ()) - set(KEY_MARKS)
        if unknown:
            raise AudioError(f"limit key must name {', '.join(KEY_MARKS)}, not {unknown.pop()!r}")

    @classmethod
    def parse(cls, text: str) -> Limits | None:
        """Read "tempo=1 placement=30 key=same,relative melody=0.8 chords=0.9 faults=0".

        "on" gives the defaults, which the limits named replace; "" no limits at all. Raises
        AudioError.
        """
        if not text.strip():
            return None
        values: dict[str, object] = {}
        for word in text.split():
            name, _, value = word.partition("=")
            if word == "on":
                continue
            if name == "key":
                values[name] = tuple(value.split(","))
                continue
            if name not in LIMIT_FIELDS:
                raise AudioError(
                    f"gate must be on or limits such as tempo=1 for {', '.join(LIMIT_FIELDS)} and "
                    f"key, not {word!r}"
                )
            try:
                values[LIMIT_FIELDS[name]] = int(value) if name == "faults" else float(value)
            except ValueError:
                raise AudioError(f"gate: {name} must be a number, not {value!r}") from None
        return cls(**values)  # type: ignore[arg-type]  # checked in __post_init__


LIMIT_FIELDS = {
    "tempo": "tempo_percent", "placement": "placement_ms", "melody": "melody_f1",
    "chords": "chords_share", "faults": "faults",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """A take's score, 0..1, its named parts, and why it failed the gate; no reasons: it passed.

    A part is None where nothing was asked or measured; the score is the mean of the others by
    WEIGHTS.
    """

    score: float
    parts: dict[str, float | None]
    reasons: tuple[str, ...]


WEIGHTS = {"tempo": 2.0, "placement": 2.0, "key": 1.0, "melody": 2.0, "chords": 2.0, "faults": 1.0}


def judge(found: Examination, limits: Limits) -> Judgement:
    """Score an examined take and compare it with the limits."""
    parts = _parts(found)
    weight = sum(WEIGHTS[name] for name, mark in parts.items() if mark is not None)
    marks = sum(WEIGHTS[name] * mark for name, mark in parts.items() if mark is not None)
    score = round(marks / weight, 4) if weight else 0.0
    return Judgement(score, parts, tuple(_reasons(found, limits)))


def best_first(judgements: Sequence[Judgement]) -> list[int]:
    """Indices of takes: those that passed, then those that failed, each by score, then in order."""
    return sorted(
        range(len(judgements)),
        key=lambda index: (bool(judgements[index].reasons), -judgements[index].score, index),
    )


def _parts(found: Examination) -> dict[str, float | None]:
    place, error, relation = found.placement, found.bpm_error_percent, found.key_relation
    off = abs(place.median_ms) if place and not place.doubt else None
    return {
        "tempo": None if error is None else _falling(abs(error), 0.0, LOST_TEMPO_PERCENT),
        "placement": None if off is None else _falling(off, WHOLE_MS, LOST_MS),
        "key": None if relation is None else KEY_MARKS[relation],
        "melody": None if found.melody is None else round(found.melody.note_f1, 4),
        "chords": None if found.chords is None else found.chords.agreement,
        "faults": 1.0 / (1 + len(found.faults)),
    }


def _falling(value: float, whole: float, nothing: float) -> float:
    return round(min(1.0, max(0.0, (nothing - value) / (nothing - whole))), 4)


def _reasons(found: Examination, limits: Limits) -> Iterator[str]:
    place, error, match = found.placement, found.bpm_error_percent, found.melody
    if limits.tempo_percent is not None and error is not None and abs(error) > limits.tempo_percent:
        yield f"the tempo is {error:+.2f} % off, {limits.tempo_percent:g} % are allowed"
    if limits.placement_ms is not None and place is not None and not place.doubt:
        off = place.median_ms
        if abs(off) > limits.placement_ms:
            yield f"the beats lie {off:+.1f} ms off, {limits.placement_ms:g} ms are allowed"
    if limits.melody_f1 is not None and match is not None and match.note_f1 < limits.melody_f1:
        yield f"the melody scores {match.note_f1:.2f}, {limits.melody_f1:g} is needed"
    chords = found.chords
    if limits.chords_share is not None and chords and chords.agreement < limits.chords_share:
        agreement, least = chords.agreement, limits.chords_share
        yield f"{100 * agreement:.0f} % of the chords are as asked, {100 * least:g} % are needed"
    if limits.key is not None and found.key_relation not in (None, *limits.key):
        yield f"the key is {found.key}, not {found.key_asked}"
    if limits.faults is not None and len(found.faults) > limits.faults:
        yield from (fault.sentence for fault in found.faults)
