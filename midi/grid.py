"""The grid: where bars and beats lie in seconds and in frames, in exact arithmetic.

A beat is a quarter note and bpm counts quarter notes a minute, whatever the meter. Within a ramp
the tempo moves linearly in time, so that q quarters between b0 and b1 bpm last 120 q / (b0 + b1)
seconds: REAPER's rule. Every result is a Fraction; only inside a ramp, where square roots come
in, is it rounded, by less than 2**-60 s.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import lcm

from midi.errors import GridError
from midi.meter import Meter, MeterChange
from midi.number import exact, is_whole, shown, square_root

MIN_BPM, MAX_BPM = 20, 400
MIN_BARS, MAX_BARS = 1, 32_000  # 600 s at 400 bpm in 1/32, the shortest bar there is
MAX_SECONDS = 600
MAX_CHANGES = 4096  # tempo points, and meter changes

__all__ = ["Grid", "Meter", "MeterChange", "TempoPoint"]


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """From `beat` on the tempo is `bpm`; with `ramp` it moves linearly in time to the next point.

    Floats and text are taken as the decimals they are written as. Raises GridError.
    """

    beat: Fraction
    bpm: Fraction
    ramp: bool = False

    def __post_init__(self) -> None:
        beat, bpm = exact(self.beat), exact(self.bpm)
        if beat is None or beat < 0:
            raise GridError(f"tempo point beat must be a number from 0, not {shown(self.beat)}")
        if bpm is None or not MIN_BPM <= bpm <= MAX_BPM:
            raise GridError(
                f"bpm must be a number from {MIN_BPM} to {MAX_BPM}, not {shown(self.bpm)}"
            )
        object.__setattr__(self, "beat", beat)
        object.__setattr__(self, "bpm", bpm)


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars under a tempo map; times count from the start of its first bar.

    The first tempo point lies at beat 0 and the first meter at bar 0; both lists ascend. Tempo
    points may lie past the end, for a ramp may aim there. Raises GridError.
    """

    bars: int
    tempo: tuple[TempoPoint, ...]
    meters: tuple[MeterChange, ...]
    beats: Fraction = field(init=False, repr=False, compare=False)
    """Length in quarter notes."""
    seconds: Fraction = field(init=False, repr=False, compare=False)
    """Length in seconds."""
    _bar_starts: tuple[Fraction, ...] = field(init=False, repr=False, compare=False)
    _point_seconds: tuple[Fraction, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_whole(self.bars, MIN_BARS, MAX_BARS):
            raise GridError(
                f"bars must be a whole number from {MIN_BARS} to {MAX_BARS}, not {shown(self.bars)}"
            )
        object.__setattr__(self, "tempo", tuple(self.tempo))
        object.__setattr__(self, "meters", tuple(self.meters))
        _check_order("tempo map", "beat", [point.beat for point in self.tempo])
        _check_order("meter map", "bar", [change.bar for change in self.meters])
        if self.meters[-1].bar >= self.bars:
            raise GridError(
                f"meter change at bar {self.meters[-1].bar} (counted from 0) lies past "
                f"the last bar, {self.bars - 1}"
            )
        object.__setattr__(self, "_point_seconds", _point_seconds(self.tempo))
        runs = _meter_runs(self.bars, self.meters)
        beats = _total(runs)
        if len(self.tempo) == 1:  # 60 * beats / bpm, in one step
            bpm = self.tempo[0].bpm
            above, below = beats.numerator * bpm.denominator, beats.denominator * bpm.numerator
            seconds = Fraction(60 * above, below)
        else:
            seconds = self.seconds_at(beats)
        if seconds > MAX_SECONDS:  # before anything is made of 32000 bars
            raise GridError(
                f"bars {self.bars} last {float(seconds):.6g} s at {self.bpm:g} bpm; "
                f"the limit is {MAX_SECONDS} s"
            )
        object.__setattr__(self, "seconds", seconds)
        object.__setattr__(self, "beats", beats)
        object.__setattr__(self, "_bar_starts", ())

    @classmethod
    def constant(
        cls, bpm: float | str | Fraction, meter: str | Meter = "4/4", bars: int = 8
    ) -> Grid:
        """One tempo and one meter throughout; a float bpm stands for its shortest decimal."""
        point = TempoPoint(Fraction(0), bpm)  # type: ignore[arg-type]  # made exact on construction
        one_meter = meter if isinstance(meter, Meter) else Meter.parse(meter)
        return cls(bars, (point,), (MeterChange(0, one_meter),))

    @property
    def bar_starts(self) -> tuple[Fraction, ...]:
        """Where bars start, in beats: bars + 1 of them, the last is the end."""
        if not self._bar_starts:  # made when they are asked for: a request is checked without
            starts = _bar_starts(_meter_runs(self.bars, self.meters))
            object.__setattr__(self, "_bar_starts", starts)
        return self._bar_starts

    @property
    def bpm(self) -> float:
        """The tempo at the start."""
        return float(self.tempo[0].bpm)

    @property
    def meter(self) -> Meter:
        """The meter at the start."""
        return self.meters[0].meter

    @property
    def is_constant(self) -> bool:
        """True where neither tempo nor meter changes before the end."""
        inside = [p.bpm for p in self.tempo if p.beat < self.beats or self._ramps_to(p)]
        return len(set(inside)) == 1 and len({change.meter for change in self.meters}) == 1

    def seconds_at(self, beat: Fraction | float) -> Fraction:
        """Time of a beat in seconds; outside the grid the first and last tempo go on."""
        index, into, bpm = self._tempo_at(beat)
        return self._point_seconds[index] + 120 * into / (self.tempo[index].bpm + bpm)

    def beat_at(self, seconds: Fraction | float) -> Fraction:
        """Beat that sounds at a time in seconds: the inverse of seconds_at."""
        time = _number(seconds)
        index = max(bisect_right(self._point_seconds, time) - 1, 0)
        into = time - self._point_seconds[index]
        start = self.tempo[index].bpm
        ramp = self._ramp(index) if into >= 0 else None
        bpm = start if ramp is None else start + ramp[1] * into
        return self.tempo[index].beat + into * (start + bpm) / 120

    def frame_at(self, beat: Fraction | float, sample_rate: int) -> int:
        """Nearest frame to the true time of a beat, rounded once; half-way goes to the later."""
        return (self.seconds_at(beat) * sample_rate + Fraction(1, 2)).__floor__()

    def frames(self, sample_rate: int) -> int:
        """Length in frames."""
        return self.frame_at(self.beats, sample_rate)

    def bpm_at(self, beat: Fraction | float) -> float:
        """Tempo in quarters a minute at a beat; where it steps, the new one."""
        return float(self._tempo_at(beat)[2])

    def bar_at(self, beat: Fraction | float) -> int:
        """Bar, counted from 0, that holds a beat; the nearest one outside the grid."""
        return min(max(bisect_right(self.bar_starts, _number(beat)) - 1, 0), self.bars - 1)

    def meter_at_bar(self, bar: int) -> Meter:
        """Meter of a bar counted from 0."""
        return self.meters[
            max(bisect_right([change.bar for change in self.meters], bar) - 1, 0)
        ].meter

    def _tempo_at(self, beat: Fraction | float) -> tuple[int, Fraction, Fraction]:
        """The tempo point that rules a beat, the beats since then, and the bpm there."""
        place = _number(beat)
        index = max(bisect_right(self.tempo, place, key=lambda point: point.beat) - 1, 0)
        into, start = place - self.tempo[index].beat, self.tempo[index].bpm
        ramp = self._ramp(index) if into >= 0 else None
        return index, into, start if ramp is None else square_root(start**2 + ramp[0] * into)

    def _ramp(self, index: int) -> tuple[Fraction, Fraction] | None:
        """Growth of bpm squared a beat and of bpm a second (constant acceleration), or None."""
        point = self.tempo[index]
        if not point.ramp or index + 1 == len(self.tempo):
            return None
        following = self.tempo[index + 1]
        beats = following.beat - point.beat
        seconds = self._point_seconds[index + 1] - self._point_seconds[index]
        return (
            (following.bpm**2 - point.bpm**2) / beats,
            (following.bpm - point.bpm) / seconds,
        )

    def _ramps_to(self, target: TempoPoint) -> bool:
        """True where a ramp that begins inside the grid aims at `target`."""
        return any(b is target and a.ramp and a.beat < self.beats for a, b in pairwise(self.tempo))


def _point_seconds(tempo: Sequence[TempoPoint]) -> tuple[Fraction, ...]:
    """Time of each tempo point: a segment's mean tempo is that of its ends, or its first."""
    seconds = [Fraction(0)]
    for point, following in pairwise(tempo):
        last = following.bpm if point.ramp else point.bpm
        seconds.append(seconds[-1] + 120 * (following.beat - point.beat) / (point.bpm + last))
    return tuple(seconds)


def _meter_runs(bars: int, meters: Sequence[MeterChange]) -> list[tuple[int, Fraction]]:
    """How many bars each meter holds for, and how many beats such a bar has."""
    ends = [change.bar for change in meters[1:]] + [bars]
    return [(end - each.bar, each.meter.beats) for each, end in zip(meters, ends, strict=True)]


def _total(runs: Sequence[tuple[int, Fraction]]) -> Fraction:
    # As whole numbers over a common denominator: a step of Fraction takes twenty times as long.
    under = lcm(*(beats.denominator for _, beats in runs))
    return Fraction(sum(n * b.numerator * (under // b.denominator) for n, b in runs), under)


def _bar_starts(runs: Sequence[tuple[int, Fraction]]) -> tuple[Fraction, ...]:
    starts = [Fraction(0)]
    for count, beats in runs:
        first = starts[-1]
        under = lcm(first.denominator, beats.denominator)
        start = first.numerator * (under // first.denominator)
        bar = beats.numerator * (under // beats.denominator)
        starts += [Fraction(start + n * bar, under) for n in range(1, count + 1)]
    return tuple(starts)


def _check_order(name: str, unit: str, places: Sequence[Fraction | int]) -> None:
    if not places or places[0] != 0:
        raise GridError(f"{name} must begin at {unit} 0")
    if len(places) > MAX_CHANGES:
        raise GridError(f"{name} has {len(places)} entries; the limit is {MAX_CHANGES}")
    for before, after in pairwise(places):
        if after <= before:
            raise GridError(f"{name} must ascend: {unit} {after} follows {unit} {before}")


def _number(value: Fraction | float) -> Fraction:
    # Not the shortest decimal here: a float position comes from a computation, not from a person.
    try:
        return Fraction(value)
    except (ValueError, OverflowError, TypeError):
        raise GridError(f"position must be a finite number, not {shown(value)}") from None
