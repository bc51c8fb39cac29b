"""A lead sheet as a MIDI file: what any sequencer can show and edit of it.

A track "chords" (block chords over their bass, symbols as texts), a track "melody" or "vocals" with
the tune, and sections as markers. The file carries a hash of these, so that an edit is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from midi.chord_notes import blocks
from midi.chord_symbols import NO_CHORD, parse_symbol, symbol_of
from midi.chords import Chord
from midi.errors import ChordError, MelodyError, SheetError
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import TUNE_PARTS, LeadSheet, Section, Tune
from midi.melody import top_voice
from midi.note import Note
from midi.number import exact
from midi.smf import Track, score_of, smf_bytes, write_tracks
from midi.smf_events import META, Event, read_events

CHORDS_TRACK = "chords"
CHANNELS = {CHORDS_TRACK: 0, "melody": 1, "vocals": 2}
PROGRAMS = {CHORDS_TRACK: 0, "melody": 73, "vocals": 52}  # piano, flute, choir of General MIDI
BASS_LOW, CHORD_LOW, VELOCITY = 36, 55, 80
MARK = "backline lead sheet "
TEXT, NAME, MARKER = 0x01, 0x03, 0x06
REST_BEATS = 1  # where nothing sounds for so long there is no chord


@dataclass(frozen=True, slots=True)
class SheetMidi:
    """What a file holds of a lead sheet, and whether it was edited since it was written."""

    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    tune: Tune | None
    is_edited: bool


def write_sheet_midi(path: Path, sheet: LeadSheet, grid: Grid, key: Key | None) -> None:
    """Write sections, chords and tune of a sheet on a grid; raises MelodyError."""
    symbols = [(_beat(chord.start_beats), chord.symbol) for chord in sheet.chords]
    tracks = [_track(CHORDS_TRACK, _voiced(sheet.chords), symbols)]
    if sheet.tune:
        tracks.append(_track(sheet.tune.part, sheet.tune.notes))
    markers = [(grid.bar_starts[each.first_bar - 1], each.name) for each in sheet.sections]
    markers += [
        (grid.bar_starts[before.last_bar], "")
        for before, after in pairwise((*sheet.sections, None))
        if before and before.last_bar < grid.bars
        and (after is None or after.first_bar > before.last_bar + 1)
    ]  # fmt: skip
    write_tracks(path, tracks, grid, markers)
    written = read_sheet_midi(path, grid, key)
    write_tracks(path, tracks, grid, markers, [MARK + _digest(written)])


def read_sheet_midi(path: Path, grid: Grid, key: Key | None) -> SheetMidi:
    """Read sections, chords and tune on a grid; raises SheetError.

    A chord has the symbol that stands at its start where the notes are those of it, else the one
    that fits the notes. What lies beyond the grid is cut.
    """
    try:
        ticks, events, _ = read_events(smf_bytes(path))
    except MelodyError as error:
        raise SheetError(f"{path.name}: {error}") from None
    names = _texts(events, NAME, ticks)
    by_name = {name.strip().lower(): track for track, _, name in reversed(names)}
    chords: tuple[Chord, ...] = ()
    if CHORDS_TRACK in by_name:
        chords = _chords(by_name[CHORDS_TRACK], ticks, events, grid, key)
    tune = None
    for part in TUNE_PARTS:
        notes = _notes(by_name.get(part, -1), ticks, events, grid)
        if notes:
            tune = Tune(part, tuple(top_voice(notes)[0]))
            break
    if not by_name.keys() & {CHORDS_TRACK, *TUNE_PARTS}:
        wanted = ", ".join((CHORDS_TRACK, *TUNE_PARTS))
        raise SheetError(f"{path.name} must have a track named {wanted}")
    found = SheetMidi(_sections(_texts(events, MARKER, ticks), grid), chords, tune, False)
    marks = [text for _, _, text in _texts(events, TEXT, ticks) if text.startswith(MARK)]
    is_edited = marks != [MARK + _digest(found)]
    return SheetMidi(found.sections, found.chords, found.tune, is_edited)


def _track(name: str, notes: Sequence[Note], texts: Sequence[tuple[Fraction, str]] = ()) -> Track:
    return Track(name, notes, CHANNELS[name], PROGRAMS[name], texts)


def _voiced(chords: Sequence[Chord]) -> list[Note]:
    """Each chord as a bass note and its own notes over it."""
    notes = []
    for chord in chords:
        pitches = [CHORD_LOW + (each - CHORD_LOW) % 12 for each in chord.pitch_classes]
        if chord.bass is not None:
            pitches.append(BASS_LOW + (chord.bass - BASS_LOW) % 12)
        start, length = _beat(chord.start_beats), _beat(chord.length_beats)
        notes += [Note(start, length, pitch, VELOCITY) for pitch in pitches]
    return notes


def _beat(beats: float) -> Fraction:
    return exact(beats) or Fraction(0)


def _texts(events: Sequence[Event], kind: int, ticks: int) -> list[tuple[int, Fraction, str]]:
    """Track, beat and text of the meta events of a kind."""
    return [
        (track, Fraction(tick, ticks), data[1:].decode("utf-8", "replace"))
        for tick, track, status, data in events
        if status == META and data[0] == kind
    ]


def _notes(track: int, ticks: int, events: Sequence[Event], grid: Grid) -> list[Note]:
    own = [each for each in events if each[1] == track]
    notes = score_of(ticks, own, []).notes if own else ()
    inside = [note for note in notes if note.start_beats < grid.beats]
    return [
        Note(n.start_beats, min(n.length_beats, grid.beats - n.start_beats), n.pitch, n.velocity)
        for n in inside
    ]


def _chords(
    track: int, ticks: int, events: Sequence[Event], grid: Grid, key: Key | None
) -> tuple[Chord, ...]:
    symbols = {beat: text for own, beat, text in _texts(events, TEXT, ticks) if own == track}
    found: list[Chord] = []
    last = Fraction(0)

    def rest_until(beat: Fraction) -> None:
        if beat - last >= REST_BEATS:
            found.append(Chord.of(parse_symbol(NO_CHORD), last, beat - last))
        elif found and beat > last:  # a gap that is no rest
            held = found.pop()
            found.append(replace(held, length_beats=float(beat) - held.start_beats))

    onsets = blocks(_notes(track, ticks, events, grid))
    ends = [*(start for start, _ in onsets[1:]), grid.beats]
    for (start, notes), limit in zip(onsets, ends, strict=False):
        rest_until(start)
        last = min(limit, max(note.end_beats for note in notes))
        bass = min(note.pitch for note in notes) % 12
        tones = {note.pitch % 12 for note in notes}
        symbol = _symbol(symbols.get(start, ""), tones, bass, key)
        found.append(Chord.of(parse_symbol(symbol), start, last - start))
    if onsets or NO_CHORD in symbols.values():
        rest_until(grid.beats)
    return tuple(found)


def _symbol(written: str, tones: set[int], bass: int, key: Key | None) -> str:
    try:
        read = parse_symbol(written)
    except ChordError:
        return symbol_of(tones, bass, key)
    is_same = read.bass == bass and {*read.pitch_classes, read.bass} == tones
    return read.text if is_same else symbol_of(tones, bass, key)


def _sections(markers: Sequence[tuple[int, Fraction, str]], grid: Grid) -> tuple[Section, ...]:
    """A section from each marker, at the nearest bar line, to the next; "" only ends one."""
    first_bars: dict[int, str] = {}
    for _, beat, name in markers:
        bar = min(range(grid.bars), key=lambda each: abs(grid.bar_starts[each] - beat))
        first_bars[bar] = " ".join(name.split())
    bars = [*sorted(first_bars), grid.bars]
    return tuple(
        Section(first_bars[first], first + 1, after)
        for first, after in pairwise(bars)
        if first_bars[first]
    )


def _digest(found: SheetMidi) -> str:
    parts = (found.sections, found.chords, found.tune)
    return sha256(repr(parts).encode()).hexdigest()[:32]
