"""Each case of cases/*.lua: the shipped scripts in the double with a daemon played inside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.lua"))
FAILED = re.compile(r"^FAILED (.+)$", re.MULTILINE)


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_the_cases_hold(reaper: Any, cases: Path) -> None:
    ran = reaper.run(cases)
    assert ran.returncode == 0, f"{len(FAILED.findall(ran.stderr))} failed\n{ran.stderr}"
