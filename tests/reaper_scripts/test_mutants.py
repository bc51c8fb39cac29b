"""Seeded mistakes in the scripts: a sample of them here, all by `python .../mutants.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from mutants import MUTANTS, SCRIPTS, is_killed  # noqa: E402 - lies beside this file

SAMPLE = range(3, len(MUTANTS), 25)  # every twenty-fifth


def test_there_are_enough_and_each_fits_its_file() -> None:
    assert len(MUTANTS) >= 60
    for mutant in MUTANTS:
        source = (SCRIPTS / mutant.file).read_text("utf-8")
        assert mutant.applied(source) != source


def test_a_mutant_changes_every_module_that_decides_something() -> None:
    changed = {Path(mutant.file).stem for mutant in MUTANTS}
    untouched = {path.stem for path in (SCRIPTS / "lib").glob("*.lua")} - changed
    # One constant; what the tests with sockets drive; and what is written from the Python table.
    assert untouched == {"version", "udp", "protocol"}


@pytest.mark.parametrize("number", SAMPLE)
def test_a_seeded_mistake_is_noticed(number: int, api_table: Path, tmp_path: Any) -> None:
    assert is_killed(MUTANTS[number], api_table, tmp_path), MUTANTS[number]
