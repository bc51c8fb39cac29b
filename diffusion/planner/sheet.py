"""From a finished draft to the lead sheet: what was given is put in as it came."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from diffusion.planner import vocabulary as v
from diffusion.planner.material import NO_CHORD, Material
from diffusion.planner.wishes import Wishes, tonic_shift
from midi.chord_symbols import NO_CHORD as NO_CHORD_TEXT
from midi.chord_symbols import Symbol, parse_symbol, spelling
from midi.chords import Chord
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet, Section, Tune
from midi.note import Note

# How the intensity moves from the first to the last bar of a section.
RISE = {"intro": 0.16, "verse": 0.08, "chorus": 0.04, "bridge": 0.2, "outro": -0.2}
Spans = tuple[tuple[int, int], ...]


def sheet_of(done: Material, wishes: Wishes, given: LeadSheet, grid: Grid, key: Key) -> LeadSheet:
    """Return the whole sheet on the grid: planned what `given` does not hold."""
    intensity = given.intensity if given.intensity is not None else _intensity(done)
    tune = given.tune
    if tune is None and wishes.has_tune:
        notes = _notes(done, grid, key, intensity)
        tune = Tune(wishes.lead, notes) if notes else None
    parts = dict(given.parts)
    for at, part in enumerate(v.PARTS):
        if part in parts:
            continue
        if part == wishes.lead:
            parts[part] = _tune_bars(done, grid, tune)
        elif part in wishes.parts:
            parts[part] = _spans(wishes.parts[part])
        else:
            parts[part] = _spans(_active(done, at))
    return LeadSheet(
        sections=_sections(done, given),
        chords=given.chords or _chords(done, grid, key),
        tune=tune,
        parts=parts,
        intensity=intensity,
    )


def _sections(done: Material, given: LeadSheet) -> tuple[Section, ...]:
    """The given sections by their own names, and the planned ones where there are none."""
    named = {each.first_bar: each for each in given.sections}
    found, first = [], 1
    for section in done.sections:
        planned = Section(section.name, first, first + section.bars - 1)
        found.append(named.get(first, planned))
        first += section.bars
    return tuple(found)


def _intensity(done: Material) -> tuple[float, ...]:
    found = []
    for section in done.sections:
        for bar in range(section.bars):
            drift = RISE[section.name] * (bar / max(1, section.bars - 1) - 0.5)
            found.append(round(min(1.0, max(0.05, (section.level + 0.5) / v.LEVELS + drift)), 3))
    return tuple(found)


def _active(done: Material, part: int) -> list[bool]:
    active = []
    for section in done.sections:
        play = v.PLAYS[section.plays[part]]
        first = {"in": 0, "late": section.bars // 2, "out": section.bars}[play]
        active += [bar >= first for bar in range(section.bars)]
    return active


def _spans(active: list[bool] | tuple[bool, ...]) -> Spans:
    """Runs of bars, from 1, both ends included."""
    spans: list[tuple[int, int]] = []
    for bar, plays in enumerate(active, 1):
        if plays and spans and spans[-1][1] == bar - 1:
            spans[-1] = (spans[-1][0], bar)
        elif plays:
            spans.append((bar, bar))
    return tuple(spans)


def _tune_bars(done: Material, grid: Grid, tune: Tune | None) -> Spans:
    """The sections, or halves of them, in which the tune has notes."""
    sounding = {grid.bar_at(note.start_beats) for note in tune.notes} if tune else set()
    active: list[bool] = []
    for section in done.sections:
        first, half = len(active), section.bars // 2
        for start, end in ((0, half), (half, section.bars)):
            plays = any(bar in sounding for bar in range(first + start, first + end))
            active += [plays] * (end - start)
    return _spans(active)


def _chords(done: Material, grid: Grid, key: Key) -> tuple[Chord, ...]:
    """Chords on the grid's bars; one that goes on in the next bar is one chord."""
    names = tuple(spelling(key))
    found: list[Chord] = []
    last: tuple[int, int] | None = None
    for bar, content in enumerate(done.bars):
        for chord in content.chords or ():
            start = _beat(done, grid, bar, chord.position)
            end = _beat(done, grid, bar, chord.position + chord.length)
            if end <= start:
                continue
            here = (chord.index, chord.bass)
            if here == last and found:
                before = found[-1]
                symbol = _symbol(*here, key.tonic, names)
                found[-1] = Chord.of(symbol, before.start_beats, end - before.start_beats)
            else:
                found.append(Chord.of(_symbol(*here, key.tonic, names), start, end - start))
            last = here
    return tuple(found)


@lru_cache(maxsize=4096)
def _symbol(index: int, bass: int, tonic: int, names: tuple[str, ...]) -> Symbol:
    if index == NO_CHORD:
        return parse_symbol(NO_CHORD_TEXT)
    root = (index // len(v.QUALITIES) + tonic) % 12
    slash = f"/{names[(root + bass) % 12]}" if bass else ""
    return parse_symbol(f"{names[root]}{v.QUALITIES[index % len(v.QUALITIES)]}{slash}")


def _beat(done: Material, grid: Grid, bar: int, position: int) -> float:
    """Beats of a place in a bar; the bar's end, and those of later bars, are exact."""
    units = done.starts[bar] + position
    while bar + 1 < grid.bars and units >= done.starts[bar + 1]:
        bar += 1
    if units >= done.starts[bar + 1]:
        return float(grid.bar_starts[bar + 1])
    return float(grid.bar_starts[bar] + Fraction(units - done.starts[bar], v.UNITS))


def _notes(done: Material, grid: Grid, key: Key, intensity: tuple[float, ...]) -> tuple[Note, ...]:
    shift = tonic_shift(key)
    found = []
    for bar, content in enumerate(done.bars):
        for position, length, pitch in content.notes or ():
            start = Fraction(_beat(done, grid, bar, position)).limit_denominator(960)
            end = Fraction(_beat(done, grid, bar, position + length)).limit_denominator(960)
            if end > start:
                loud = 62 + 44 * intensity[bar] + (6 if position == 0 else 0)
                velocity = min(127, max(1, round(loud)))
                found.append(Note(start, end - start, pitch + shift, velocity))
    return tuple(found)
