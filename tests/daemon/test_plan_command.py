"""Plans: a lead sheet written, edited, played, and kept beside the result and through its edits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.plan_folder import PLAN_FILES

Run = Callable[..., int]
ASKED = ("--bpm", "240", "--key", "A minor", "--bars", "4", "--stems", "drums,bass,melody")
CHORDS = "Am7 F | C G/B | Dm | E7"


@pytest.fixture
def plan(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "plan"
    asked = (*ASKED, "--chords", CHORDS, "--section", "1-4: verse", "--notes", "69:0:1 72:1:1")
    assert run("plan", *asked, "-o", folder) == 0
    return folder


def sheet(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "lead_sheet.json").read_text("utf-8"))
    return read


def symbols(folder: Path) -> list[str]:
    return [chord["symbol"] for chord in sheet(folder)["chords"]]


def test_a_plan_holds_what_was_given_in_the_form_that_is_edited(plan: Path) -> None:
    assert {each.name for each in plan.iterdir()} == set(PLAN_FILES)
    found = sheet(plan)
    assert found["sections"] == [{"name": "verse", "first_bar": 1, "last_bar": 4}]
    assert symbols(plan) == ["Am7", "F", "C", "G/B", "Dm", "E7"]
    assert [note["pitch"] for note in found["tune"]["notes"]] == [69, 72]
    assert found["parts"]["vocals"] == [], "a stem that is not asked for does not play"
    assert (plan / "lead_sheet.png").read_bytes().startswith(b"\x89PNG")


def test_parts_that_the_style_leaves_out_do_not_play(run: Run, tmp_path: Path) -> None:
    words = ("--bpm", "240", "--key", "C", "--bars", "2", "--tags", "pop, no drums, without melody")
    assert run("plan", *words, "-o", tmp_path / "plan") == 0
    assert sheet(tmp_path / "plan")["parts"] == {"drums": [], "melody": []}


def test_a_plan_that_was_edited_is_played_with_the_rest_as_it_was_asked(
    run: Run, plan: Path, tmp_path: Path
) -> None:
    edited = sheet(plan)
    edited["chords"][1]["symbol"] = "Dm7"
    (plan / "lead_sheet.json").write_text(json.dumps(edited), "utf-8")
    out = tmp_path / "out"
    assert run("generate", "--plan", plan, "-o", out) == 0
    assert symbols(out)[:2] == ["Am7", "Dm7"]
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    request = manifest["request"]
    assert (request["bpm"], request["bars"], request["plan_path"]) == (240, 4, str(plan))
    assert "chords" not in request
    roles = {entry["path"]: entry["role"] for entry in manifest["files"]}
    assert roles["lead_sheet.json"] == roles["lead_sheet.mid"] == "plan"
    assert manifest["takes"][0]["report"]["chords"]["agreement"] <= 1


def test_what_is_given_with_a_plan_takes_the_place_of_what_it_has(
    run: Run, plan: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    words = ("--plan", plan / "lead_sheet.json", *ASKED, "--chords", "Bb | F")
    assert run("plan", *words, "-o", again) == 0
    assert symbols(again) == ["Bb", "F"] * 2
    assert sheet(again)["tune"] == sheet(plan)["tune"]


def test_an_edit_of_a_result_keeps_its_lead_sheet_but_for_what_changes(
    run: Run, plan: Path, tmp_path: Path
) -> None:
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    assert run("generate", "--plan", plan, "-o", first) == 0
    assert run("generate", "--from", first, "--stems", "bass", "-o", second) == 0
    assert sheet(second) == sheet(first)
    assert run("generate", "--from", first, "--stems", "bass", "--chords", "C", "-o", third) == 0
    assert symbols(third) == ["C"] * 4 and sheet(third)["tune"] == sheet(first)["tune"]


def test_an_edit_of_the_lead_sheet_in_a_result_counts_in_a_change_of_it(
    run: Run, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run("generate", *ASKED, "--chords", CHORDS, "-o", first) == 0
    edited = sheet(first)
    edited["chords"][0]["symbol"] = "Bb"
    (first / "lead_sheet.json").write_text(json.dumps(edited), "utf-8")
    assert run("generate", "--from", first, "--stems", "bass", "-o", second) == 0
    assert symbols(second)[:2] == ["Bb", "F"]
    request = json.loads((second / "manifest.json").read_text("utf-8"))["request"]
    assert "chords" not in request, "the sheet has them"


def test_a_plan_is_not_written_over_a_result_or_over_itself(
    run: Run, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("generate", "--plan", plan, "-o", out) == 0
    assert run("plan", *ASKED, "-o", out) == 2
    assert "holds a finished job" in capsys.readouterr().err
    assert run("generate", "--plan", plan, "-o", plan) == 2
    assert "is an input" in capsys.readouterr().err
    before = (plan / "lead_sheet.json").read_bytes()
    assert run("plan", *ASKED, "-o", plan) == 0
    assert "goes beside it" in capsys.readouterr().err
    assert (plan / "lead_sheet.json").read_bytes() == before, "an edit is never lost"
    assert (plan.with_name(f"{plan.name}-2") / "lead_sheet.json").is_file()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none", None, "cannot be read: No such file"),
        ("sheet.json", '{"chords": [{"symbol": "Am"}]}', "chords 1 must be an object with start"),
        ("sheet.json", '{"parts": {"drums": [[1, 9]]}}', "has 9 bars, but the music has 4"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused_in_one_sentence(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | None,
    sentence: str,
) -> None:  # fmt: skip
    if content:
        (tmp_path / name).write_text(content, "utf-8")
    assert run("generate", *ASKED, "--plan", tmp_path / name, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --plan: ") and sentence in error
    assert error.count("\n") == 1


def test_a_plan_gives_the_length_where_none_is_given(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sheet.json").write_text('{"parts": {"drums": [[1, 6]]}}', "utf-8")
    words = ("--bpm", "240", "--key", "C", "--plan", tmp_path / "sheet.json", "-o", tmp_path / "o")
    assert run("generate", *words, "--dry-run") == 0
    assert json.loads(capsys.readouterr().out)["bars"] == 6
