"""A file of chords: text as of --chords, or the MIDI file of a part that plays chords."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from midi.chord_notes import chords_from_notes
from midi.chords import Progression, bars_of_text, chords_from_text
from midi.errors import ChordError, MelodyError
from midi.grid import Grid
from midi.key import Key
from midi.note import Note
from midi.smf import read_smf
from midi.smf_events import MAX_BYTES
from midi.user_file import read_bytes

MAX_TEXT_BYTES = 64 * 1024
SMF_MAGIC = b"MThd"


def read_chords(path: Path, grid: Grid, key: Key, *, german_h: bool = False) -> Progression:
    """Read the chords of a file, text or MIDI, onto a grid; raises ChordError.

    A text must not have more bars than the grid; MIDI is cut at its end, and its tempo moves
    nothing: beat 0 is the start of bar 1.
    """
    found = _content(path)
    if isinstance(found, str):
        return chords_from_text(found, grid, german_h=german_h)
    return chords_from_notes(found, grid, key)


def length_of_chords(path: Path) -> int | Fraction:
    """Return the length of a file of chords: bars of a text, or beats of MIDI."""
    found = _content(path)
    if isinstance(found, str):
        return bars_of_text(found)
    return max((note.end_beats for note in found), default=Fraction(0))


def _content(path: Path) -> str | tuple[Note, ...]:
    """The text, or the notes; a MIDI file is known by how it begins."""
    try:
        data = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise ChordError(f"file {path!s:.200} cannot be read: {error.strerror}") from None
    if data.startswith(SMF_MAGIC):
        try:
            return read_smf(data).notes
        except MelodyError as error:
            raise ChordError(f"file {path!s:.200}: {error}") from None
    if len(data) > MAX_TEXT_BYTES:
        raise ChordError(f"file {path!s:.200} has more than {MAX_TEXT_BYTES} bytes of text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ChordError(f"file {path!s:.200} is neither a MIDI file nor UTF-8 text") from None
