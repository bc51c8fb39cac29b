"""The cases of cases/*.lua: the shipped scripts in the double, with a daemon played inside it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPTS = HERE.parent.parent / "reaper_scripts"
CASES = sorted((HERE / "cases").glob("*.lua"))
FAILED = re.compile(r"^FAILED (.+)$", re.MULTILINE)
Ran = subprocess.CompletedProcess[str]
Run = Callable[[Path], Ran]


@pytest.fixture(scope="module")
def run(make_reaper: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a file's cases once, each in a REAPER of its own."""
    done: dict[Path, Ran] = {}

    def once(cases: Path) -> Ran:
        if cases not in done:
            done[cases] = make_reaper(tmp_path_factory.mktemp(cases.stem)).run(cases)
        return done[cases]

    return once


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_the_cases_hold(run: Run, cases: Path) -> None:
    ran = run(cases)
    assert ran.returncode == 0, f"{len(FAILED.findall(ran.stderr))} failed\n{ran.stderr}"


def test_every_function_that_the_scripts_use_was_called(run: Run) -> None:
    """So that its arguments were checked as they are, not only counted."""
    called = set()
    for cases in CASES:
        called |= set(run(cases).stdout.split())
    used = {
        name
        for path in SCRIPTS.rglob("*.lua")
        if path.name != "selftest.lua"
        for name in re.findall(r"(?<![\w-])reaper\.(\w+)", path.read_text("utf-8"))
    }
    assert used - called == set()
    assert len(used) > 60


def test_a_case_that_fails_is_seen(reaper: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.lua"
    wrong.write_text('case("it holds", function() equal(1, 2) end)\n', encoding="utf-8")
    ran = reaper.run(wrong)
    assert ran.returncode == 1
    assert FAILED.findall(ran.stderr) == ["it holds"]
