import pytest

from midi.grid import Grid
from stems.entries import Section, sections_of
from stems.errors import StemError


def test_runs_of_bars_with_one_name_become_one_section():
    grid = Grid.constant(120, "4/4", 6)
    names = ("verse", "verse", "", "chorus", "chorus", "chorus")
    assert sections_of(names, grid) == (Section("verse", 0, 2), Section("chorus", 3, 3))


def test_no_names_give_no_sections():
    assert sections_of((), Grid.constant(120, "4/4", 6)) == ()


def test_names_for_another_number_of_bars_are_refused():
    with pytest.raises(StemError, match="names 2 bars, the grid has 6"):
        sections_of(("verse", "verse"), Grid.constant(120, "4/4", 6))
