"""The text form of REAPER projects: `KEY value ...` lines in chunks from `<TAG` to `>`.

What the lines mean follows the REAPER community's notes on state chunks and projects that
REAPER 7 saved.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from uuid import uuid4

from midi.grid import Grid, Meter
from midi.note import Note

KEY = "backline"  # P_EXT:backline in REAPER's scripts
LONG_VALUE_BYTES = 1_000  # REAPER writes long extension data in base64, at the latest from 3000 on
TICKS_PER_BEAT = 960

Chunk = Sequence["str | Chunk"]  # its tag, then its lines and the chunks in it


def save(path: Path, chunk: Chunk) -> None:
    """Write a chunk and those in it, indented, as UTF-8; raises OSError."""
    path.write_text("\n".join(_lines(chunk, "")) + "\n", encoding="utf-8", newline="\n")


def _lines(chunk: Chunk, indent: str) -> Iterator[str]:
    yield f"{indent}<{chunk[0]}"
    for each in chunk[1:]:
        if isinstance(each, str):
            yield f"{indent}  {each}"
        else:
            yield from _lines(each, f"{indent}  ")
    yield f"{indent}>"


def guid() -> str:
    """Make a new identity, "{8-4-4-4-12}".

    Random, for two results in one project must never share one: equal POOLEDEVTS, say, would
    make their MIDI items copies of each other.
    """
    return f"{{{str(uuid4()).upper()}}}"


def quoted(text: str) -> str:
    """Quote a value as REAPER does: by a mark it does not hold, a backtick giving way to '."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    for mark in "\"'`":
        if mark not in line:
            return f"{mark}{line}{mark}"
    return "`" + line.replace("`", "'") + "`"


def extension(tag: str, facts: Mapping[str, object]) -> Chunk:
    """A chunk of extension data (P_EXT in scripts): JSON under KEY, which nothing is lost of.

    The form is what REAPER 7.80 was seen to save: quoted, or in base64 where it is long.
    """
    text = json.dumps(facts, separators=(",", ":"))  # ASCII, so no line breaks either
    if len(text) > LONG_VALUE_BYTES:
        return [tag, [f"BIN {KEY}", *wrap(base64.b64encode(text.encode()).decode(), 128)]]
    apart = text.replace("'", "\\u0027").replace("`", "\\u0060")  # the same JSON
    return [tag, f"{KEY} '{apart}'"]


def seconds_text(value: Fraction) -> str:
    """Write a time to 14 decimals: some ten orders of magnitude under a frame."""
    return f"{float(value):.14f}"


def bpm_text(value: Fraction) -> str:
    """Write a tempo to 14 digits, without trailing zeros."""
    return f"{float(value):.14g}"


def sound_source(path: str) -> Chunk:
    """The source of a take that is a sound file, by its path from the project."""
    kind = "FLAC" if path.endswith(".flac") else "WAVE"
    return [f"SOURCE {kind}", f"FILE {quoted(path)}"]


def midi_source(beats: Fraction, notes: Iterable[Note], channel: int = 0) -> Chunk:
    """The source of a take that is MIDI, `beats` quarters long, longer where a note is.

    Events are `E ticks-since-the-last status data data`; all notes off marks the end.
    """
    events = []
    for start, end, note in _spans(notes):
        events.append((start, 1, f"{0x90 | channel:02x} {note.pitch:02x} {note.velocity:02x}"))
        events.append((end, 0, f"{0x80 | channel:02x} {note.pitch:02x} 00"))
    events.sort()  # at the same tick a note ends before the next one starts
    end_ticks = max([_ticks(beats), *(ticks for ticks, _, _ in events)])
    events.append((end_ticks, 2, f"{0xB0 | channel:02x} 7b 00"))
    source = ["SOURCE MIDI", f"HASDATA 1 {TICKS_PER_BEAT} QN", f"POOLEDEVTS {guid()}"]
    now = 0
    for ticks, _, message in events:
        source.append(f"E {ticks - now} {message}")
        now = ticks
    return source


def _spans(notes: Iterable[Note]) -> Iterator[tuple[int, int, Note]]:
    """Start and end in ticks; a note ends at the latest where its pitch is struck again."""
    ordered = sorted(notes, key=lambda note: (note.pitch, note.start_beats))
    for note, following in zip_longest(ordered, ordered[1:]):
        start, end = _ticks(note.start_beats), _ticks(note.end_beats)
        end = max(end, start + 1)
        if following is not None and following.pitch == note.pitch:
            end = min(end, _ticks(following.start_beats))
        if start < end:  # else struck twice at once: the later stroke stands
            yield start, end, note


def _ticks(beats: Fraction) -> int:
    return round(beats * TICKS_PER_BEAT)


def tempo_points(grid: Grid, start: Fraction) -> Iterator[str]:
    """Yield the PT lines of a tempo envelope for a grid whose bar 1 lies at `start` seconds.

    Bars before a later start keep the first tempo and meter.
    """
    meters = {grid.bar_starts[change.bar]: change.meter for change in grid.meters}
    bar_seconds = grid.meter.beats * 60 / grid.tempo[0].bpm
    start_is_a_bar = start % bar_seconds == 0
    if start > 0:
        yield _point(Fraction(0), grid.tempo[0].bpm, False, grid.meter)
    for beat in sorted({point.beat for point in grid.tempo} | meters.keys()):
        index = bisect_right(grid.tempo, beat, key=lambda point: point.beat) - 1
        rule = grid.tempo[index]
        ramp = rule.ramp and index + 1 < len(grid.tempo)
        if beat == 0 and start > 0 and start_is_a_bar and not ramp:
            continue  # nothing begins here that the point at 0 has not begun
        bpm = rule.bpm if beat == rule.beat else Fraction(grid.bpm_at(beat))
        cut = beat == 0 and not start_is_a_bar
        yield _point(start + grid.seconds_at(beat), bpm, ramp, meters.get(beat), cut)


def _point(
    seconds: Fraction, bpm: Fraction, ramp: bool, meter: Meter | None, cut: bool = False
) -> str:
    """Seconds, bpm, shape (0 ramps linearly in time, 1 holds), then the meter and its flags.

    Flag 1 sets the meter; flag 4 (`cut`) lets the bar before it be shorter than its meter.
    """
    point = f"PT {seconds_text(seconds)} {bpm_text(bpm)} {0 if ramp else 1}"
    if meter is None:
        return point
    return f"{point} {meter.numerator + 65536 * meter.denominator} 0 {5 if cut else 1}"
