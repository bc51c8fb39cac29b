"""The published schema is that of the dataclasses, and manifests of earlier versions fit both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from audio.report import Conforming, Examination
from diffusion.facts import EngineDescription
from docs.pages.manifest_schema import schema
from stems.entries import GridEntry, LengthEntry
from stems.facts import SplitterDescription
from stems.manifest import Manifest

# As the version before the dataclasses wrote them: of a take chosen from two, of an engine's mix
# brought onto the grid and into the key (its lists of beats cut to a few), and of a split.
OLD: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "old_manifests.json").read_text("utf-8")
)


def test_the_schema_itself_is_one():
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", OLD)
def test_an_old_manifest_fits_the_schema_and_loses_nothing(name: str):
    Draft202012Validator(schema()).validate(OLD[name])
    assert Manifest.from_dict(OLD[name]).as_dict() == OLD[name]


def test_an_old_manifest_is_read_by_types():
    chosen, mix, split = (Manifest.from_dict(OLD[name]) for name in ("chosen", "mix", "split"))
    assert isinstance(chosen.engine, EngineDescription) and isinstance(chosen.grid, GridEntry)
    assert chosen.takes[0].facts.engine["unknown_words"] == ["kazoo"]
    choice, report = chosen.takes[0].facts.choice, chosen.takes[0].report
    assert choice is not None and [each.kept for each in choice.attempts] == [False, True]
    assert isinstance(report, Examination) and report.levelled is not None
    facts = mix.takes[0].facts
    assert isinstance(facts.conform, Conforming) and facts.splitter is not None
    assert facts.transposed is not None and facts.transposed.semitones == -6
    assert isinstance(split.engine, SplitterDescription) and isinstance(split.grid, LengthEntry)
    assert (split.key, split.takes[0].report, split.takes[0].facts.channels) == (None, None, 2)


@pytest.mark.parametrize(
    "change",
    [{"schema": "backline.manifest/2"}, {"job": 7}, {"key": {"name": "C"}}, {"extra": 1},
     {"takes": [{"take": 1}]}, {"engine": {}}],
)  # fmt: skip
def test_a_manifest_of_another_form_does_not_fit(change: dict[str, object]):
    assert not Draft202012Validator(schema()).is_valid(OLD["chosen"] | change)
