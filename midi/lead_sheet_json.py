"""Lead sheets read from JSON: lead_sheet.json as it was written, or as the user has edited it."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeVar

from midi.chord_symbols import parse_symbol
from midi.chords import Chord
from midi.errors import MidiError, SheetError
from midi.lead_sheet import LeadSheet, Section, Tune, refused
from midi.note import Note
from midi.number import exact, is_whole, shown

MAX_ENTRIES = 20_000  # of each list
MOST = 1_000_000  # beats, and more than any number in a sheet
FRACTIONS = 1920  # of a beat: where notes of a tune begin and end
T = TypeVar("T")


def sheet_from_json(text: str) -> LeadSheet:
    """Read what as_dict() gives, whole or in part; raises SheetError.

    A chord's symbol counts: root, bass and pitch classes follow from it and may be left out.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SheetError(f"the lead sheet is no JSON: {error}") from None
    if not isinstance(plain, dict):
        raise refused("the lead sheet", "a JSON object", plain)
    unknown = sorted(set(plain) - {"sections", "chords", "tune", "parts", "intensity"})
    if unknown:
        raise SheetError(f"{shown(unknown[0])} is no part of a lead sheet")
    tune, parts, intensity = plain.get("tune"), plain.get("parts") or {}, plain.get("intensity")
    if not isinstance(parts, dict):
        raise refused("parts", "an object of part names", parts)
    try:
        return LeadSheet(
            tuple(_entries("sections", plain.get("sections"), _section)),
            tuple(_entries("chords", plain.get("chords"), _chord)),
            None if tune is None else _tune(tune),
            {name: tuple(_entries(f"parts, {name},", bars, _span)) for name, bars in parts.items()},
            None if intensity is None else tuple(_entries("intensity", intensity, _level)),
        )
    except SheetError:
        raise
    except MidiError as error:
        raise SheetError(f"the lead sheet: {error}") from None


def _entries(name: str, found: object, read: Callable[[str, Any], T]) -> list[T]:
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MAX_ENTRIES:
        raise refused(name, f"a list of at most {MAX_ENTRIES} entries", found)
    return [read(f"{name} {number}", each) for number, each in enumerate(found, 1)]


def _field(name: str, entry: object, key: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise refused(name, f"an object with {key}", entry)
    return entry[key]


def _section(name: str, entry: object) -> Section:
    text = _field(name, entry, "name")
    if not isinstance(text, str):
        raise refused(f"{name} name", "text", text)
    return Section(text, *_span(name, [_field(name, entry, k) for k in ("first_bar", "last_bar")]))


def _chord(name: str, entry: object) -> Chord:
    symbol = _field(name, entry, "symbol")
    if not isinstance(symbol, str):
        raise refused(f"{name} symbol", "text", symbol)
    beats = [
        _number(f"{name} {key}", _field(name, entry, key))
        for key in ("start_beats", "length_beats")
    ]
    return Chord.of(parse_symbol(symbol), *beats)


def _tune(entry: object) -> Tune:
    part = _field("tune", entry, "part")
    return Tune(str(part), tuple(_entries("tune notes", _field("tune", entry, "notes"), _note)))


def _note(name: str, entry: object) -> Note:
    start, length = (
        _beats(f"{name} {key}", _field(name, entry, key)) for key in ("start_beats", "length_beats")
    )
    return Note(start, length, *(_field(name, entry, key) for key in ("pitch", "velocity")))


def _beats(name: str, entry: object) -> Fraction:
    """A number as the fraction of a beat that it was written for."""
    read = exact(_number(name, entry)) or Fraction(0)
    near = read.limit_denominator(FRACTIONS)
    return near if abs(near - read) < Fraction(1, 10**9) else read


def _span(name: str, entry: object) -> tuple[int, int]:
    if not (isinstance(entry, list) and len(entry) == 2 and all(is_whole(e, 1) for e in entry)):
        raise refused(name, "a first and a last bar, from 1", entry)
    return entry[0], entry[1]


def _level(name: str, entry: object) -> float:
    return _number(name, entry)


def _number(name: str, entry: object) -> float:
    if isinstance(entry, bool) or not isinstance(entry, (int, float)) or not abs(entry) < MOST:
        raise refused(name, f"a number below {MOST}", entry)
    return float(entry)
