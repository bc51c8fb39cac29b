"""The folder of a plan: a lead sheet to look at, edit and play, and the request it was made for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from midi.lead_sheet import LeadSheet
from midi.lead_sheet_file import JSON_NAME, SHEET_NAMES, read_sheet_json, write_sheet
from midi.user_file import read_text
from osc_protocol.chord_fields import CHORDS
from osc_protocol.generate import MELODIES, Generate
from osc_protocol.plan import Plan
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, read_manifest
from stems.plan_picture import draw_plan
from stems.staging import plain_disk_errors, publish, staging

REQUEST_NAME, PICTURE_NAME = "request.json", "lead_sheet.png"
PLAN_FILES = (*SHEET_NAMES, PICTURE_NAME, REQUEST_NAME)
MAX_REQUEST_BYTES = 1 << 22
# What a lead sheet holds by itself; in the request it would take the place of what was edited.
IN_THE_SHEET = {*CHORDS, *MELODIES, "sections", "intensity", "plan_path"}


def write_plan(out_dir: Path, request: Generate, sheet: LeadSheet) -> None:
    """Write the lead sheet as JSON, MIDI and a picture, and the request; raises StemError."""
    with staging(out_dir) as folder, plain_disk_errors(out_dir):
        fill_plan(folder, request, sheet)
        publish(folder, out_dir)


def fill_plan(folder: Path, request: Generate, sheet: LeadSheet) -> None:
    """Write the files of a plan, PLAN_FILES, into a folder; raises OSError."""
    text = json.dumps(request.as_dict(), indent=1, ensure_ascii=False)
    write_sheet(folder, sheet, request.grid, request.parsed_key)
    draw_plan(folder / PICTURE_NAME, sheet, request.grid, request.parsed_key)
    (folder / REQUEST_NAME).write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


def with_request_of(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given`, and for the rest what the plan or result in `folder` was asked for.

    What its lead sheet holds by itself is left out; a lead sheet without a request adds nothing.
    Raises StemError.
    """
    try:
        if (folder / MANIFEST_NAME).is_file():
            stored = read_manifest(folder, check_files=False).request
        elif (folder / REQUEST_NAME).is_file():
            stored = json.loads(read_text(folder / REQUEST_NAME, MAX_REQUEST_BYTES))
        else:
            return _with_length(folder, given)
        is_plan = stored.get("kind") == Plan.kind
        asked = (Plan if is_plan else Generate).stored_fields(stored)
    except (OSError, ValueError, AttributeError, RecursionError, StemError) as error:
        raise StemError(f"plan {str(folder)!r}: its request cannot be read: {error}") from None
    length = {"bars", "seconds"}
    kept = {
        name: value
        for name, value in asked.items()
        if name not in IN_THE_SHEET and not (name in length and length & given.keys())
    }
    return {**kept, **given}


def _with_length(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The length in bars that a lead sheet says, where none is given."""
    file = path / JSON_NAME if path.is_dir() else path
    if {"bars", "seconds"} & given.keys() or file.suffix.lower() != ".json":
        return dict(given)
    bars = read_sheet_json(file).bars
    return {**given, **({"bars": bars} if bars else {})}
