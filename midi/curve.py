"""An intensity curve: how much is to go on over musical time, from 0 (least) to 1 (most)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from midi.errors import CurveError
from midi.number import exact, shown

MAX_POINTS = 512


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (beat, value): straight lines between them, flat before the first and after the last.

    Beats are quarter notes from the start and ascend; values lie in 0..1. Raises CurveError.
    """

    points: tuple[tuple[Fraction, float], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.points) <= MAX_POINTS:
            raise CurveError(
                f"intensity must have 1 to {MAX_POINTS} points, not {len(self.points)}"
            )
        for beat, value in self.points:
            if beat < 0:
                raise CurveError(f"intensity must have its points at beats from 0, not {beat}")
            if not 0 <= value <= 1:
                raise CurveError(
                    f"intensity must be from 0 to 1, not {value:g} (at beat {float(beat):g})"
                )
        for (before, _), (after, _) in pairwise(self.points):
            if after <= before:
                raise CurveError(
                    f"intensity must ascend in beats: {float(after):g} follows {float(before):g}"
                )

    @classmethod
    def parse(cls, text: str) -> Curve:
        """Read "0:0.2 16:0.8 32:0.3": a beat and a value for each point. Raises CurveError."""
        points = []
        for word in text.split():
            at, _, much = word.partition(":")
            beat, value = exact(at), exact(much)
            if beat is None or value is None:
                raise CurveError(
                    f"intensity must be beat:value ..., such as 0:0.2 16:0.8, not {shown(word)}"
                )
            points.append((beat, float(value)))
        return cls(tuple(points))

    @classmethod
    def through(cls, beats: Sequence[Fraction], values: Iterable[float], end: Fraction) -> Curve:
        """A curve of at most MAX_POINTS points up to `end`, through or near those given."""
        pairs = [(max(beat, Fraction(0)), value) for beat, value in zip(beats, values, strict=True)]
        ascending = {round(beat * 100): value for beat, value in pairs}
        whole = [(Fraction(at, 100), value) for at, value in sorted(ascending.items())]
        after = next((i for i, (beat, _) in enumerate(whole) if beat >= end), len(whole) - 1)
        whole = whole[: after + 1]
        if len(whole) <= MAX_POINTS:
            return cls(tuple(whole))
        step = max(Fraction(-(-end.__ceil__() // (MAX_POINTS - 2))), Fraction(1))
        places = [step * index for index in range(int(end / step) + 1)]
        return cls(tuple((beat, round(_between(whole, beat), 4)) for beat in places))

    def __str__(self) -> str:
        return " ".join(f"{_plain(beat)}:{round(value, 4):g}" for beat, value in self.points)

    def at(self, beat: Fraction | float) -> float:
        """The value at a beat."""
        return _between(self.points, Fraction(beat))

    def mean(self, begin: Fraction, end: Fraction) -> float:
        """The mean from one beat to a later one."""
        inside = [beat for beat, _ in self.points if begin < beat < end]
        area = sum(
            float(b - a) * (self.at(a) + self.at(b)) / 2 for a, b in pairwise([begin, *inside, end])
        )
        return area / float(end - begin)

    def bar_means(self, bar_starts: Sequence[Fraction]) -> tuple[float, ...]:
        """The mean of each bar; `bar_starts` ends with the end of the last."""
        return tuple(self.mean(begin, end) for begin, end in pairwise(bar_starts))


def _between(points: Sequence[tuple[Fraction, float]], beat: Fraction) -> float:
    after = bisect_right(points, beat, key=lambda point: point[0])
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (b0, v0), (b1, v1) = points[after - 1], points[after]
    return v0 + (v1 - v0) * float((beat - b0) / (b1 - b0))


def _plain(beat: Fraction) -> str:
    """A beat as exact() reads it: a decimal where it is one of few digits, else a fraction."""
    return (
        f"{float(beat):.2f}".rstrip("0").rstrip(".") if (beat * 100).denominator == 1 else str(beat)
    )
