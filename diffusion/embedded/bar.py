"""Bars of any meter, and one pattern language that fits all of them.

A pattern is written once for common time: four cells (one per pulse) of four sixteenths or of
three triplet eighths, a character per step. "." is silence, "-" holds the last event, any other
character starts an event that its reader understands. `lay` fits it to a meter's pulses, as a
drummer carries a groove over to 7/8 or 12/8: the same cells, other counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

# Beat groups in eighths; several are tried where musicians differ.
GROUPINGS = {
    "5/8": ((2, 3), (3, 2)),
    "7/8": ((2, 2, 3), (3, 2, 2), (2, 2, 3)),
    "8/8": ((3, 3, 2),),
    "11/8": ((2, 2, 3, 2, 2), (3, 3, 3, 2)),
    "13/8": ((2, 2, 2, 2, 2, 3),),
}
# Which cell of the common-time pattern each pulse plays, by the number of pulses.
CELLS = {
    1: ((0,),),
    3: ((0, 1, 3), (0, 2, 3), (0, 1, 1)),
    4: ((0, 1, 2, 3),),
    5: ((0, 1, 1, 2, 3), (0, 1, 2, 0, 3), (0, 2, 1, 2, 3)),
}


@dataclass(frozen=True, slots=True)
class Pulse:
    """A felt beat: 1 quarter, or 1.5 in compound meters and in the long groups of odd ones."""

    start_beats: float
    length_beats: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A meter as it is felt: its pulses, and the pattern cell each of them plays."""

    meter: str
    beats: float
    pulses: tuple[Pulse, ...]
    ternary: bool
    cells: tuple[int, ...]
    accents: tuple[float, ...]

    @property
    def half_beats(self) -> float:
        """Where a second chord comes in: at the middle accent, or on the last pulse."""
        if self.accents:
            return self.accents[len(self.accents) // 2]
        return self.pulses[-1].start_beats if len(self.pulses) > 1 else self.beats

    def weight(self, offset_beats: float) -> int:
        """Metric weight: 3 on the downbeat, 2 on a group's start, 1 on a pulse, else 0."""
        if offset_beats < 1e-6:
            return 3
        if any(abs(offset_beats - accent) < 1e-6 for accent in self.accents):
            return 2
        return int(any(abs(offset_beats - pulse.start_beats) < 1e-6 for pulse in self.pulses))


@dataclass(frozen=True, slots=True)
class Event:
    """A pattern's event: where it starts in the bar, how long it holds, and its character."""

    offset_beats: float
    length_beats: float
    mark: str


@lru_cache(maxsize=256)
def bar_of(meter: str, variant: int = 0) -> Bar:
    """The bar of `meter`, "7/8" say; `variant` picks among its groupings and cell orders."""
    numerator, denominator = (int(number) for number in meter.split("/"))
    unit = 4.0 / denominator
    ternary = denominator >= 8 and numerator % 3 == 0
    if numerator == 1:
        lengths = [unit]
    elif ternary:
        lengths = [3 * unit] * (numerator // 3)
    elif denominator >= 8 and (numerator % 2 or meter in GROUPINGS):
        groups = GROUPINGS.get(meter) or (((2,) * ((numerator - 3) // 2) + (3,)),)
        lengths = [size * unit for size in groups[variant % len(groups)]]
    elif denominator >= 8:
        lengths = [2 * unit] * (numerator // 2)
    else:
        lengths = [unit] * numerator
    pulses, start = [], 0.0
    for length in lengths:
        pulses.append(Pulse(start, length))
        start += length
    orders = CELLS.get(len(pulses)) or ((0, *([1, 2] * len(pulses))[: len(pulses) - 2], 3),)
    if len(pulses) == 3 and not ternary and meter != "3/4":
        orders = ((0, 1, 2), (0, 1, 3))
    cells = orders[variant // 3 % len(orders)]
    accents: tuple[float, ...]
    if meter == "5/4":
        accents = (pulses[3 if variant % 2 == 0 else 2].start_beats,)
    elif ternary or len(pulses) % 2 or denominator >= 8:
        accents = tuple(pulse.start_beats for pulse in pulses[1:] if denominator >= 8)
    else:
        accents = tuple(pulse.start_beats for pulse in pulses[2::2])
    return Bar(meter, start, tuple(pulses), ternary, cells, accents)


def lay(pattern: str, bar: Bar, index: int, *, steady: bool = False) -> list[Event]:
    """Events of `pattern` in the bar number `index`; "|" parts patterns of several bars.

    In meters of two pulses, one pattern bar spreads over two bars; what it holds over the bar
    line between them is struck again. `steady` marks time keepers
    (hats, shakers), which play all three eighths of a compound pulse.
    """
    lines = pattern.split("|")
    cells: tuple[int, ...]
    if len(bar.pulses) == 2:
        line, cells = lines[index // 2 % len(lines)], ((0, 1), (2, 3))[index % 2]
    else:
        line, cells = lines[index % len(lines)], bar.cells
    size = len(line) // 4
    quarter = [line[at * size : (at + 1) * size] for at in range(4)]
    steps: list[tuple[float, float, str]] = []
    for at, pulse in enumerate(bar.pulses):
        text = quarter[cells[at]]
        if bar.ternary:
            text = _three(text, steady)
        elif size == 4 and pulse.length_beats > 1.25:
            last = at == len(bar.pulses) - 1
            text += quarter[3][:2] if last else quarter[2][:2]
        elif pulse.length_beats < 0.75:
            text = text[: size // 2]
        step = pulse.length_beats / len(text)
        steps += [(pulse.start_beats + step * k, step, mark) for k, mark in enumerate(text)]
    events: list[Event] = []
    sounding = False
    if len(bar.pulses) == 2 and index % 2 == 1 and steps[0][2] == "-":
        over = (quarter[0] + quarter[1]).rstrip("-")[-1:]
        if over not in ("", "."):
            events.append(Event(0.0, 0.0, over))
            sounding = True
    for offset, step, mark in steps:
        if mark == "-" and sounding:
            held = events[-1]
            events[-1] = Event(held.offset_beats, held.length_beats + step, held.mark)
        elif mark in ".-":
            sounding = False
        else:
            events.append(Event(offset, step, mark))
            sounding = True
    return events


def _three(cell: str, steady: bool) -> str:
    """A cell of sixteenths as three eighths: the offbeat moves to the third of them."""
    if len(cell) == 3:
        return cell
    late = cell[2] if cell[2] not in ".-" else cell[3]
    if late == "." and cell[2] == "-":
        late = "-"
    middle = cell[1]
    if steady and cell[0] not in ".-" and late not in ".-":
        middle = "o"
    return cell[0] + middle + late
