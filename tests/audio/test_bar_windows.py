"""Every four bars are looked at by themselves, and count one vote for where bars begin."""

from __future__ import annotations

import numpy as np

from audio.bar_windows import look_at_windows
from audio.downbeat import Downbeat

PLACES = {"line": [0], "part": list(range(1, 8))}


def test_each_four_bars_vote_for_the_place_that_is_worth_most() -> None:
    line = np.zeros(8 * 13)
    line[3 : 8 * 8 : 8] = 1.0  # eight bars begin on the third slot, the rest on the fifth
    line[8 * 8 + 5 :: 8] = 1.0
    inside = np.ones(len(line), bool)
    looks = look_at_windows({"line": line, "part": np.zeros(len(line))}, inside, PLACES)
    assert looks.count == 3
    assert looks.votes[[3, 5]].tolist() == [2, 1]
    assert looks.at(np.array([3, 11, 5, 0])).tolist() == [2, 2, 1, 0]


def test_under_five_bars_nothing_is_looked_at() -> None:
    slots = np.zeros(8 * 4)
    looks = look_at_windows({"line": slots, "part": slots}, np.ones(len(slots), bool), PLACES)
    assert looks.count == 0


def test_a_bar_line_is_outvoted_only_by_clearly_more_looks() -> None:
    assert Downbeat(0, 0.95, agree=2, rival=4, looks=6).is_outvoted
    assert not Downbeat(0, 0.95, agree=2, rival=3, looks=8).is_outvoted
    assert not Downbeat(0, 0.95, agree=0, rival=2, looks=2).is_outvoted  # too few looks
