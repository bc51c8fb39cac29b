from collections.abc import Callable
from dataclasses import replace
from typing import Any

from midi.grid import Grid
from midi.key import Key
from stems.findings import findings
from stems.stem_set import Take


def by_name(take: Take, grid: Grid, key: Key, null_dbfs: float | None = None) -> dict[str, tuple]:
    found = findings(take, grid, key, null_dbfs)
    return {each.name: (each.value, each.remark, each.as_asked) for each in found}


def with_report(take: Take, **changes: Any) -> Take:
    assert take.report is not None
    return replace(take, report=replace(take.report, **changes))


def test_a_take_as_asked_is_told_as_such(grid: Grid, key: Key, make_take: Callable[..., Take]):
    found = by_name(make_take(grid), grid, key, null_dbfs=-141.2)
    assert found["tempo"] == ("180.00 BPM", "+0.00 % from the tempo asked", True)
    assert found["beats"] == ("+0.5 ms", "median off the grid", True)
    assert found["key"] == ("A minor", "as asked", True)
    assert found["length"] == ("96 000", "frames at 48000 Hz, as the grid", True)
    assert found["mix minus stems"] == ("−141 dBFS", "peak of what is left", True)


def test_notes_of_the_tempo_asked_are_told_as_such(
    grid: Grid, key: Key, make_take: Callable[..., Take]
):
    take = with_report(make_take(grid), bpm=90.0, octave_relation="1/2")
    assert by_name(take, grid, key)["tempo"] == ("90.00 BPM", "half notes of the tempo asked", True)


def test_another_tempo_and_late_beats_stand_out(
    grid: Grid, key: Key, make_take: Callable[..., Take]
):
    take = with_report(make_take(grid), bpm=196.2, bpm_error_percent=9.0, beat_offset_ms=31.0)
    found = by_name(take, grid, key)
    assert found["tempo"] == ("196.20 BPM", "+9.00 % from the tempo asked", False)
    assert found["beats"] == ("+31.0 ms", "median off the grid", False)


def test_another_key_names_the_one_that_was_asked(
    grid: Grid, key: Key, make_take: Callable[..., Take]
):
    take = with_report(make_take(grid), key="C major", key_relation="relative")
    assert by_name(take, grid, key)["key"] == ("C major", "relative key; asked was A minor", False)


def test_what_was_not_found_is_not_made_up(grid: Grid, key: Key, make_take: Callable[..., Take]):
    take = with_report(make_take(grid), bpm=None, beat_offset_ms=None, key=None, key_relation=None)
    found = by_name(take, grid, key)
    assert found["tempo"] == found["beats"] == found["key"] == ("not heard", "", False)
    unmeasured = Take(take.stem_set)
    assert by_name(unmeasured, grid, key)["tempo"] == ("not measured", "", False)


def test_a_wrong_length_and_a_shallow_null_stand_out(
    grid: Grid, key: Key, make_take: Callable[..., Take]
):
    longer = Grid.constant(180, "3/4", 4)  # 12 quarters of 1/3 s: 192000 frames
    found = by_name(make_take(grid), longer, key, null_dbfs=-60.0)
    assert found["length"] == ("96 000", "frames at 48000 Hz, the grid has 192000", False)
    assert found["mix minus stems"][2] is False
