"""The files of a lead sheet: lead_sheet.json, and lead_sheet.mid, which any sequencer can edit.

Where the MIDI file was edited since it was written, its sections, chords and tune count, and only
the parts and the intensity are those of the JSON file; else the JSON file counts.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from midi.errors import MidiError, SheetError
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet
from midi.lead_sheet_json import sheet_from_json
from midi.lead_sheet_midi import read_sheet_midi, write_sheet_midi
from midi.user_file import read_text

SHEET_NAMES = JSON_NAME, MIDI_NAME = "lead_sheet.json", "lead_sheet.mid"
MIDI_SUFFIXES = (".mid", ".midi", ".smf")
MAX_JSON_BYTES = 1 << 23


def write_sheet(folder: Path, sheet: LeadSheet, grid: Grid, key: Key | None = None) -> None:
    """Write both files, SHEET_NAMES; raises OSError and MelodyError."""
    text = json.dumps(sheet.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    # A lone surrogate, as undecodable bytes of a command line give, becomes JSON's own escape.
    (folder / JSON_NAME).write_bytes((text + "\n").encode("utf-8", "backslashreplace"))
    write_sheet_midi(folder / MIDI_NAME, sheet, grid, key)


def read_sheet(path: Path, grid: Grid, key: Key | None = None) -> tuple[LeadSheet, tuple[str, ...]]:
    """Read a folder with either file or both, or one of them, and sentences on what counts.

    Raises SheetError, also where it does not lie on the grid.
    """
    files = [path / name for name in (JSON_NAME, MIDI_NAME)] if path.is_dir() else [path]
    found = [each for each in files if not path.is_dir() or each.exists()]
    if not found:
        raise SheetError(f"folder {str(path)!r:.200} holds no {JSON_NAME} and no {MIDI_NAME}")
    sheet = LeadSheet()
    changes: tuple[str, ...] = ()
    for file in found:
        if file.suffix.lower() not in MIDI_SUFFIXES:
            sheet = read_sheet_json(file)
            sheet.check_on(grid)
            continue
        midi = read_sheet_midi(file, grid, key)
        if midi.is_edited or len(found) == 1:
            sheet = replace(sheet, sections=midi.sections, chords=midi.chords, tune=midi.tune)
        if midi.is_edited and len(found) > 1:
            changes = (
                f"{MIDI_NAME} was edited: its sections, chords and tune count, "
                f"of {JSON_NAME} the parts and the intensity.",
            )
    return sheet, changes


def read_sheet_json(path: Path) -> LeadSheet:
    """Read a lead sheet's JSON file; raises SheetError."""
    try:
        return sheet_from_json(read_text(path, MAX_JSON_BYTES))
    except OSError as error:
        raise SheetError(f"file {str(path)!r:.200} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SheetError(f"file {str(path)!r:.200} is not UTF-8 text") from None
    except MidiError as error:
        raise SheetError(f"file {str(path)!r:.200}: {error}") from None
