from __future__ import annotations

from itertools import pairwise

import pytest

from daemon.pipeline.progress import SHARES, STAGES, JobProgress


def test_the_shares_of_all_stages_make_one_whole() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert STAGES == ("load", "diffuse", "decode", "split", "conform", "measure", "write")


@pytest.mark.parametrize("takes", [1, 2, 5])
def test_the_whole_rises_from_nothing_to_one_and_never_falls(takes: int) -> None:
    seen: list[tuple[str, float]] = []
    whole = JobProgress(lambda stage, fraction: seen.append((stage, fraction)), takes)
    whole.load("load", 0.0)
    whole.load("load", 1.0)
    for index in range(takes):
        report = whole.take(index)
        for stage in STAGES[1:]:
            report(stage, 0.0)
            report(stage, 1.0)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == pytest.approx(1.0)
    whole.done()
    assert seen[-1] == ("write", 1.0)


def test_the_second_of_two_takes_begins_where_half_of_their_share_is_done() -> None:
    seen: list[float] = []
    whole = JobProgress(lambda stage, fraction: seen.append(fraction), 2)
    whole.take(1)("diffuse", 0.0)
    assert seen == [pytest.approx(SHARES["load"] + (1.0 - SHARES["load"]) / 2)]


def test_takes_played_at_once_move_the_whole_evenly() -> None:
    seen: list[float] = []
    whole = JobProgress(lambda stage, fraction: seen.append(fraction), 4)
    whole.start_batch(0, 4)
    for index in range(4):
        report = whole.take(index)
        for stage in STAGES[1:] if index == 0 else STAGES[3:]:  # all were played with the first
            for tenth in range(11):
                report(stage, tenth / 10)
    assert seen == sorted(seen) and seen[-1] == pytest.approx(1.0)
    # The longest step is a tenth of four takes' diffusion; of one take it would be a fourth.
    longest = max(after - before for before, after in pairwise(seen))
    assert longest == pytest.approx(SHARES["diffuse"] / 10)


def test_an_engine_that_reports_nonsense_cannot_move_the_whole_out_of_its_bounds() -> None:
    seen: list[float] = []
    whole = JobProgress(lambda stage, fraction: seen.append(fraction), 1)
    whole.take(0)("write", 7.0)
    whole.take(0)("diffuse", -3.0)
    assert seen == [pytest.approx(1.0), pytest.approx(1.0)]
