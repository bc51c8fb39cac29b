"""Chords out of notes: block chords, strummed or held, or broken chords bar by bar."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from midi.chord_symbols import parse_symbol, symbol_of
from midi.chords import Chord, Progression, chords_repeated
from midi.errors import ChordError
from midi.grid import Grid
from midi.key import Key
from midi.note import Note

STRUM_BEATS = Fraction(1, 8)  # notes that begin within it are one chord
PLACES = 12  # a beat: chords begin at the nearest twelfth
BLOCK_SHARE = 0.5  # of the onsets that hold two pitch classes or more, else chords are broken

Onset = tuple[Fraction, list[Note]]


def chords_from_notes(notes: Sequence[Note], grid: Grid, key: Key) -> Progression:
    """Return the chords that notes play on a grid, named as in `key`; raises ChordError.

    A chord lasts until the next one; where nothing sounds for a bar or more there is none. Fewer
    bars than the grid has repeat from the start, what is beyond its end is left out.
    """
    if not notes:
        raise ChordError("chords hold no pitched note")
    found = blocks(notes) or _by_bars(notes, grid)
    end = max(note.end_beats for note in notes)
    bars = bars_until(end - STRUM_BEATS, grid.bar_starts)
    cut = [f"The chords were cut at the end of bar {grid.bars}."] if end > grid.beats else []
    chords = _named(_with_rests(found, grid), grid.bar_starts[bars], grid, key)
    repeated = chords_repeated(chords, bars, grid)
    return replace(repeated, changes=(*cut, *repeated.changes))


def bars_until(beat: Fraction, bar_starts: Sequence[Fraction]) -> int:
    """Return how many of the bars, at least one, it takes to reach a beat."""
    return min(max(1, bisect_left(bar_starts, beat)), len(bar_starts) - 1)


def _onsets(notes: Sequence[Note]) -> list[Onset]:
    """Notes by where they begin, a strum as one; each with what sounds on from before."""
    onsets: list[Onset] = []
    held: list[Note] = []
    for note in sorted(notes, key=lambda each: (each.start_beats, each.pitch)):
        if onsets and note.start_beats - onsets[-1][0] < STRUM_BEATS:
            onsets[-1][1].append(note)
        else:
            start = note.start_beats
            held = [each for each in held if each.end_beats > start + STRUM_BEATS]
            onsets.append((start, [*held, note]))
        held.append(note)
    return onsets


def blocks(notes: Sequence[Note]) -> list[Onset]:
    """Return the notes that sound from each onset of chords; nothing of a part that breaks them."""
    onsets = _onsets(notes)
    whole = [each for each in onsets if len({note.pitch % 12 for note in each[1]}) > 1]
    return whole if len(whole) >= BLOCK_SHARE * len(onsets) else []


def _by_bars(notes: Sequence[Note], grid: Grid) -> list[Onset]:
    """The notes of each bar as one chord."""
    found = []
    for start, end in pairwise(grid.bar_starts):
        inside = [each for each in notes if start <= each.start_beats < end]
        if inside:
            found.append((start, inside))
    return found


def _with_rests(onsets: Sequence[Onset], grid: Grid) -> list[Onset]:
    """The onsets at their places, with one of no notes where a bar or more is empty."""
    placed: dict[Fraction, list[Note]] = {}
    silent_from = Fraction(0)
    for start, chord in onsets:
        place = Fraction(round(start * PLACES), PLACES)
        if place >= grid.beats:
            break
        if (not placed and place > 0) or place - silent_from >= grid.bar_starts[1]:
            placed[next(line for line in grid.bar_starts if line >= silent_from)] = []
        placed[place] = chord
        silent_from = max(silent_from, *(each.end_beats for each in chord))
    return list(placed.items())


def _named(onsets: Sequence[Onset], end: Fraction, grid: Grid, key: Key) -> list[Chord]:
    """The onsets as chords up to `end`; a chord struck again in its bar goes on."""
    chords: list[Chord] = []
    limits = [start for start, _ in onsets[1:]] + [end]
    for (start, notes), limit in zip(onsets, limits, strict=True):
        bass = min(each.pitch for each in notes) % 12 if notes else None
        symbol = parse_symbol(symbol_of({each.pitch for each in notes}, bass, key))
        if chords and chords[-1].symbol == symbol.text and start not in grid.bar_starts:
            start = Fraction(chords.pop().start_beats)
        chords.append(Chord.of(symbol, start, limit - start))
    return chords
