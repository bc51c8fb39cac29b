"""Chords of a plan, shown as MIDI in the double, are read back as the same symbols."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from midi.chord_file import read_chords
from midi.chords import chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet

PLANNED = """
local project = w:project()
project.ext.backline = {{ settings = [[{{"key":"A minor","style":"jazz","bars":4}}]] }}
w:lib("sheet_items").insert(project.handle, w:lib("project").bars(project.handle, 0, 4), Daemon.json.decode([[{sheet}]]), "plan")
w:_unwrap_system()
w.is_lib = nil
Daemon.new(w)
w:run("backline_generate_with_last_settings.lua")
"""  # noqa: E501 - Lua text


@pytest.mark.parametrize(
    "text",
    ["Am7 | F G/B | N.C. | Cmaj7", "Dm7b5 | G7 | Cm | Cm6", "F/A Bb | Gsus4 G | C9 | Edim7"],
)
def test_chords_are_the_same_after_they_were_notes(reaper: Any, tmp_path: Path, text: str) -> None:
    grid, key = Grid.constant(120, "4/4", 4), Key.parse("A minor")
    wanted = chords_from_text(text, grid).chords
    sheet = json.dumps(LeadSheet(chords=wanted).as_dict())
    reaper.play(PLANNED.format(sheet=sheet))
    (file,) = tmp_path.rglob("*-chords.mid")
    found = read_chords(file, grid, key).chords
    assert [
        (c.start_beats, c.length_beats, c.root, c.bass, set(c.pitch_classes)) for c in found
    ] == [(c.start_beats, c.length_beats, c.root, c.bass, set(c.pitch_classes)) for c in wanted]
