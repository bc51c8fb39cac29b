"""Notes as the events of a MIDI take in a REAPER project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import zip_longest

from midi.note import Note
from stems.rpp import guid

TICKS_PER_BEAT = 960


def midi_source(beats: Fraction, notes: Iterable[Note], channel: int = 0) -> list[str]:
    """Lines of a SOURCE MIDI chunk `beats` quarters long, longer where a note is.

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
