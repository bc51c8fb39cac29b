"""A small sample of the truth test: what is conformed lies on the grid, by a map that is known."""

from __future__ import annotations

import pytest

from benchmarks.conform import DOWNBEAT_MS, MEDIAN_MS, P95_MS, judge
from training.truth import Truth, make_truth


@pytest.fixture(scope="module")
def waltz() -> Truth:
    """Twenty-four seconds of a waltz, played by the decoder that ships."""
    return make_truth(20004)


@pytest.mark.parametrize(("drums", "kind"), [(True, "drift"), (False, "constant")])
def test_a_known_map_is_undone(waltz: Truth, drums: bool, kind: str) -> None:
    found = judge(waltz, drums, kind, seed=7, with_stems=drums)
    assert found.verdict == "right", found
    assert found.median_ms is not None and found.median_ms <= MEDIAN_MS
    assert found.p95_ms is not None and found.p95_ms <= P95_MS
    assert found.downbeat_ms is not None and found.downbeat_ms <= DOWNBEAT_MS
    if drums:
        assert found.null_dbfs is not None and found.null_dbfs <= -90
