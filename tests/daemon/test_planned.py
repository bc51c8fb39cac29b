"""What of a lead sheet is planned, for which engines, and with what."""

from __future__ import annotations

from typing import Any

import pytest

import diffusion.embedded.engine
import diffusion.planner.complete
from daemon.pipeline.plan import planned
from diffusion.embedded.engine import EmbeddedEngine
from diffusion.engine import Conditions, Revision
from diffusion.engines import engine_spec
from midi.chords import chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet

GRID = Grid.constant(120, "4/4", 4)
SHEET = LeadSheet(chords=chords_from_text("C", GRID).chords)
ASKED = Conditions(GRID, Key.parse("C"), tags="lofi, no drums", seed=5, lead="vocals")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the planner was asked for, in place of a planner that takes its time."""
    seen: list[dict[str, Any]] = []

    def complete(sheet: LeadSheet, **more: Any) -> LeadSheet:
        seen.append({"sheet": sheet, **more})
        return SHEET

    monkeypatch.setattr(diffusion.planner.complete, "complete", complete)
    card = {"files": {"planner": {}}}
    monkeypatch.setattr(diffusion.embedded.engine, "read_card", lambda: card)
    return seen


def test_what_was_not_given_is_planned_for_the_seed_and_the_style(
    asked: list[dict[str, Any]],
) -> None:
    assert planned(ASKED, EmbeddedEngine()).lead_sheet == SHEET
    (plan,) = asked
    assert (plan["sheet"], plan["seed"], plan["lead"]) == (LeadSheet(), 5, "vocals")
    assert (plan["prompt"].style, plan["prompt"].without) == ("lofi", ("drums",))
    assert plan["ending"] == "loop"


@pytest.mark.parametrize(
    ("bars", "ending", "wanted"),
    [(31, "auto", "loop"), (32, "auto", "full"), (4, "full", "full"), (64, "loop", "loop")],
)
def test_music_of_32_bars_ends_unless_asked_otherwise(
    asked: list[dict[str, Any]], bars: int, ending: str, wanted: str
) -> None:
    grid = Grid.constant(120, "4/4", bars)
    planned(Conditions(grid, Key.parse("C"), ending=ending), EmbeddedEngine())
    assert asked[0]["ending"] == wanted


def test_a_change_of_a_result_and_other_engines_are_left_as_they_are(
    asked: list[dict[str, Any]],
) -> None:
    change = Conditions(GRID, Key.parse("C"), revision=Revision({}, 0, 1))
    assert planned(change, EmbeddedEngine()) is change
    assert planned(ASKED, engine_spec("ace-step").open()) is ASKED
    assert asked == []
