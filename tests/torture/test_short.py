"""The torture in its short form; `make torture` tries more, `make torture FULL=1` for hours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture import faults, loss, packets
from tests.torture.figures import Figure, Scale

SEED = 1  # the same in each run of the tests; `make torture` draws another each time


@pytest.mark.parametrize(
    "point",
    [packets.run, faults.damaged_pages, pytest.param(loss.run, marks=pytest.mark.slow)],
)
def test_a_short_torture_keeps_all_limits(
    point: Callable[[Scale], list[Figure]], tmp_path: Path
) -> None:
    figures = point(Scale(full=False, seed=SEED, folder=tmp_path))
    # How long something took says more of the machine than of the program: told, not judged.
    judged = [each for each in figures if each.unit != "ms"]
    assert [each.name for each in judged if not each.is_met] == []


def test_the_command_knows_its_points() -> None:
    from tests.torture.__main__ import POINTS

    assert list(POINTS) == [
        "packets",
        "kills",
        "faults",
        "disk",
        "loss",
        "latency",
        "load",
        "spoofing",
        "soak",
    ]
    assert all(sys.modules[point.__module__].__doc__ for point in POINTS.values())
