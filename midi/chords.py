"""Chords over bars: what the text of a chord sheet says, on a grid.

"Am7 F | C G/B | Dm7 . G7 . | %": bars by | or line, the chords of a bar have equal shares of it, a
point holds the chord before, % plays the bar before again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from midi.chord_symbols import NO_CHORD, Symbol, parse_symbol, symbol_of
from midi.errors import ChordError
from midi.grid import Grid
from midi.number import counted, shown

HOLDS, REPEATS = (".", "/"), ("%", "x")
MAX_CHORDS_A_BAR = 32
Beats = Fraction | float

__all__ = ["NO_CHORD", "Chord", "Progression", "chord_at", "chords_from_text", "symbol_of"]


@dataclass(frozen=True, slots=True)
class Chord:
    """One chord, in beats (quarters) from the start of the piece; length over 0.

    `root` and `bass` are pitch classes 0..11, `pitch_classes` the chord's own notes, root first, as
    midi.chord_symbols reads `symbol`; for N.C. they are None and (). Raises ChordError.
    """

    start_beats: float
    length_beats: float
    symbol: str
    root: int | None
    bass: int | None
    pitch_classes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.start_beats < float("inf"):
            raise ChordError(f"chord start must be 0 beats or more, not {shown(self.start_beats)}")
        if not 0 < self.length_beats < float("inf"):
            raise ChordError(
                f"chord length must be more than 0 beats, not {shown(self.length_beats)}"
            )

    @classmethod
    def of(
        cls, symbol: Symbol, start_beats: Fraction | float, length_beats: Fraction | float
    ) -> Chord:
        """Return what a symbol that was read says, in its place."""
        return cls(
            float(start_beats), float(length_beats),
            symbol.text, symbol.root, symbol.bass, symbol.pitch_classes,
        )  # fmt: skip

    @property
    def end_beats(self) -> float:
        """Where it ends, in beats."""
        return self.start_beats + self.length_beats


@dataclass(frozen=True, slots=True)
class Progression:
    """Chords in order of time, and sentences on how they were brought onto the bars."""

    chords: tuple[Chord, ...]
    changes: tuple[str, ...] = ()


def chord_at(chords: Sequence[Chord], beat: float) -> Chord | None:
    """Return the chord that sounds at a beat, or None."""
    return next((each for each in chords if each.start_beats <= beat < each.end_beats), None)


def bars_of_text(text: str) -> int:
    """Return how many bars of chords a text holds; 0 where it holds none."""
    return len(_bars(text))


def chords_from_text(text: str, grid: Grid, *, german_h: bool = False) -> Progression:
    """Read the chords of a text onto a grid; fewer bars than it has repeat from the start.

    Raises ChordError, which names the bar and the symbol.
    """
    bars = _bars(text)
    if not bars:
        raise ChordError('chords must hold at least one chord, such as "Am7 F | C G/B"')
    if len(bars) > grid.bars:
        raise ChordError(f"chords hold {counted(len(bars), 'bar')}, but the music has {grid.bars}")
    read = _read(bars, german_h)
    chords: list[Chord] = []
    for bar in range(grid.bars):
        start, length = grid.bar_starts[bar], grid.bar_starts[bar + 1] - grid.bar_starts[bar]
        symbols = read[bar % len(read)]
        if bar and bar % len(read) == 0 and symbols[0] is None:
            raise ChordError("chords that repeat from the start must begin with a chord")
        share = length / len(symbols)
        for place, symbol in enumerate(symbols):
            if symbol is None:
                held = chords[-1]
                chords[-1] = replace(held, length_beats=held.length_beats + float(share))
            else:
                chords.append(Chord.of(symbol, start + place * share, share))
    return Progression(tuple(chords), _repeat_said(len(bars), grid))


def chords_repeated(chords: Sequence[Chord], bars: int, grid: Grid) -> Progression:
    """Return chords of so many bars again and again until the grid ends."""
    period, beats = float(grid.bar_starts[bars]), float(grid.beats)
    found: list[Chord] = []
    for again in range(math.ceil(beats / period)):
        for each in chords:
            start = each.start_beats + again * period
            if start < beats:
                length = min(each.length_beats, beats - start)
                found.append(replace(each, start_beats=start, length_beats=length))
    return Progression(tuple(found), _repeat_said(bars, grid))


def _repeat_said(bars: int, grid: Grid) -> tuple[str, ...]:
    if bars >= grid.bars:
        return ()
    held = counted(bars, "bar")
    return (f"The chords have {held}; they repeat from the start until bar {grid.bars}.",)


def _bars(text: str) -> list[list[str]]:
    """The words of each bar; an empty bar is an empty list, and refused later."""
    bars: list[list[str]] = []
    for line in text.replace("\r", "\n").split("\n"):
        plain = line.replace("||", "|").replace("‖", "|").strip()
        if plain:
            bars += [bar.split() for bar in plain.removeprefix("|").removesuffix("|").split("|")]
    return bars


def _read(bars: Sequence[Sequence[str]], german_h: bool) -> list[list[Symbol | None]]:
    """The symbols of each bar, None for one that holds what is before."""
    read: list[list[Symbol | None]] = []
    last: Symbol | None = None
    for number, words in enumerate(bars, 1):
        if not words:
            raise ChordError(f"chords: bar {number} is empty; a point holds, N.C. is silence")
        if len(words) > MAX_CHORDS_A_BAR:
            raise ChordError(
                f"chords: bar {number} must hold at most {MAX_CHORDS_A_BAR}, not {len(words)}"
            )
        if len(words) == 1 and words[0] in REPEATS:
            if not read:
                raise ChordError(f"chords: bar 1 is {words[0]}, but there is no bar before it")
            read.append(read[-1])
            continue
        read.append(list(_symbols(words, number, last, german_h)))
        last = next((each for each in reversed(read[-1]) if each), last)
    return read


def _symbols(
    words: Sequence[str], bar: int, last: Symbol | None, german_h: bool
) -> Iterator[Symbol | None]:
    for word in words:
        if word in HOLDS:
            if last is None:
                raise ChordError(f"chords: bar {bar} begins with {word}, which holds no chord")
            yield None
            continue
        if word in REPEATS:
            raise ChordError(f"chords: bar {bar}: {word} stands alone in the bar that it repeats")
        try:
            last = parse_symbol(_with_root(word, last), german_h=german_h)
        except ChordError as error:
            raise ChordError(f"chords: bar {bar}: {error}") from None
        yield last


def _with_root(word: str, last: Symbol | None) -> str:
    """A bare bass such as "/B" goes under the chord before."""
    if word.startswith("/") and last is not None and last.root is not None:
        bass = "/" + last.text.rpartition("/")[2] if last.bass != last.root else ""
        return last.text.removesuffix(bass) + word
    return word
