"""The lead sheet: what it holds, what it refuses, how it travels as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from midi.chords import chords_from_text
from midi.errors import SheetError
from midi.grid import Grid
from midi.lead_sheet import LeadSheet, Section, Tune
from midi.lead_sheet_json import sheet_from_json
from midi.note import Note

GRID = Grid.constant(120, "4/4", 4)
WHOLE = LeadSheet(
    (Section("verse", 1, 2), Section("chorus", 4, 4)),
    chords_from_text("C G/B | N.C. | F | G7", GRID).chords,
    Tune("melody", (Note(0, 1, 60, 90), Note(1.5, 0.5, 62))),  # type: ignore[arg-type]
    {"drums": ((1, 1), (3, 4)), "vocals": ()},
    (0.25, 0.5, 0.75, 1.0),
)


def test_a_sheet_has_the_form_that_other_programs_read() -> None:
    plain = json.loads(json.dumps(WHOLE.as_dict()))
    assert plain["sections"][1] == {"name": "chorus", "first_bar": 4, "last_bar": 4}
    assert plain["chords"][1] == {
        "start_beats": 2.0, "length_beats": 2.0, "symbol": "G/B", "root": 7, "bass": 11,
        "pitch_classes": [7, 11, 2],
    }  # fmt: skip
    silent = plain["chords"][2]
    assert (silent["root"], silent["bass"], silent["pitch_classes"]) == (None, None, [])
    assert plain["tune"] == {
        "part": "melody",
        "notes": [
            {"start_beats": 0.0, "length_beats": 1.0, "pitch": 60, "velocity": 90},
            {"start_beats": 1.5, "length_beats": 0.5, "pitch": 62, "velocity": 100},
        ],
    }
    assert plain["parts"] == {"drums": [[1, 1], [3, 4]], "vocals": []}


def test_a_sheet_survives_json_whole_and_empty() -> None:
    for sheet in (WHOLE, LeadSheet()):
        assert sheet_from_json(json.dumps(sheet.as_dict())) == sheet
    assert sheet_from_json("{}") == LeadSheet()


def test_the_symbol_of_a_chord_counts_when_it_is_edited() -> None:
    plain = WHOLE.as_dict()
    plain["chords"][0]["symbol"] = "Am7/G"
    del plain["chords"][1]["root"]
    read = sheet_from_json(json.dumps(plain))
    assert (read.chords[0].root, read.chords[0].bass) == (9, 7)
    assert read.chords[0].pitch_classes == (9, 0, 4, 7) and read.chords[1].root == 7


def test_a_part_of_which_nothing_is_said_plays() -> None:
    plays = [
        [WHOLE.plays(part, bar) for bar in (1, 2, 3, 4)] for part in ("drums", "vocals", "bass")
    ]
    assert plays == [[True, False, True, True], [False] * 4, [True] * 4]


def test_sections_are_one_name_a_bar() -> None:
    assert WHOLE.bar_sections(5) == ("verse", "verse", "", "chorus", "")
    assert LeadSheet().bar_sections(5) == ()


def test_a_sheet_must_lie_on_the_bars_of_the_music() -> None:
    WHOLE.check_on(GRID)
    short = Grid.constant(120, "4/4", 3)
    with pytest.raises(SheetError, match="has 4 bars, but the music has 3"):
        WHOLE.check_on(short)
    with pytest.raises(SheetError, match=r"ends at beat 16, .* 12 beats"):
        LeadSheet(chords=WHOLE.chords).check_on(short)
    with pytest.raises(SheetError, match="one number for each of 4 bars, not 1"):
        LeadSheet(intensity=(0.5,)).check_on(GRID)


def edited(**changes: Any) -> str:
    return json.dumps({**WHOLE.as_dict(), **changes})


SECTION = WHOLE.as_dict()["sections"][0]
CHORD = WHOLE.as_dict()["chords"][0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "no JSON"),
        ("[]", "must be a JSON object"),
        (edited(tempo=90), "'tempo' is no part of a lead sheet"),
        (
            edited(sections=[{"name": "a", "first_bar": 2}]),
            "sections 1 must be an object with last_bar",
        ),
        (
            edited(sections=[{"name": "a", "first_bar": 0, "last_bar": 2}]),
            "sections 1 must be a first",
        ),
        (edited(sections=[{"name": "a", "first_bar": 3, "last_bar": 2}]), "in order and apart"),
        (edited(chords=[{**CHORD, "symbol": "Z"}]), "'Z' is no chord symbol"),
        (edited(chords=[{**CHORD, "symbol": 3}]), "chords 1 symbol must be text"),
        (edited(chords=[CHORD, CHORD]), "chords must not overlap"),
        (edited(chords=[{**CHORD, "start_beats": "one"}]), "chords 1 start_beats must be a number"),
        (edited(chords=[{**CHORD, "length_beats": 0}]), "length must be more than 0"),
        (edited(tune={"part": "drums", "notes": []}), "tune part must be melody or vocals"),
        (edited(tune={"part": "melody", "notes": [{"pitch": 60}]}), "with start_beats"),
        (edited(parts={"flute": []}), "parts must be some of drums, bass, chords"),
        (edited(parts={"bass": [[1, 2], [2, 3]]}), "parts, bass, must be in order and apart"),
        (edited(parts=[1]), "object of part names"),
        (edited(intensity=[2]), "intensity must be a number from 0 to 1"),
    ],
)
def test_a_sheet_that_makes_no_sense_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SheetError, match=sentence) as caught:
        sheet_from_json(text)
    assert "\n" not in str(caught.value)


def test_odd_json_is_refused_too() -> None:
    for text in ("[" * 100_000, edited(chords=[{**CHORD, "start_beats": 10**400}]),
                 edited(chords=[{**CHORD, "start_beats": float("nan")}])):  # fmt: skip
        with pytest.raises(SheetError):
            sheet_from_json(text)
