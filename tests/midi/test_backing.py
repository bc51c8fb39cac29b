"""The backing: chords that hold the melody, drums on the meter, nothing outside the grid."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midi.backing import KICK, SNARE, backing, triad
from midi.chords import chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text


def test_each_bar_gets_the_triad_that_holds_its_melody() -> None:
    """C major: bar 1 sings c e g, bar 2 f a c', bar 3 g b d', bar 4 c."""
    grid = Grid.constant(120, bars=4)
    tune = "60:0:2 64:2:1 67:3:1 65:4:2 69:6:1 72:7:1 67:8:2 71:10:1 74:11:1 60:12:4"
    band = backing(grid, Key.parse("C major"), melody_from_text(tune, grid))
    assert [note.pitch % 12 for note in band.bass] == [0, 5, 7, 0]
    assert [note.start_beats for note in band.bass] == [0, 4, 8, 12]
    assert {note.pitch % 12 for note in band.chords if note.start_beats == 4} == {5, 9, 0}


def test_triads_stay_in_the_key() -> None:
    dorian = Key.parse("D dorian")
    assert triad(dorian, 0) == (2, 5, 9)  # d f a
    assert triad(dorian, 3) == (7, 11, 2)  # g b d: the major fourth that makes it dorian


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "7/8", "5/4", "2/2"])
def test_a_kick_marks_every_downbeat_and_all_stays_inside(meter: str) -> None:
    grid = Grid.constant(97, meter, bars=3)
    band = backing(grid, Key.parse("A minor"))
    kicks = {note.start_beats for note in band.drums if note.pitch == KICK}
    assert kicks >= set(grid.bar_starts[:-1])
    for part in (band.drums, band.bass, band.chords):
        assert all(0 <= note.start_beats < grid.beats for note in part)
        assert list(part) == sorted(part, key=lambda note: note.start_beats)


def test_four_four_has_its_snare_on_two_and_four() -> None:
    band = backing(Grid.constant(100, bars=1), Key.parse("C"))
    assert [n.start_beats for n in band.drums if n.pitch == SNARE] == [1, 3]


def test_six_eight_is_counted_in_two() -> None:
    """Dotted quarters: kick at 0, snare at 3/2 quarters."""
    band = backing(Grid.constant(100, "6/8", bars=1), Key.parse("C"))
    assert [n.start_beats for n in band.drums if n.pitch == SNARE] == [Fraction(3, 2)]


def test_chords_that_are_given_are_played_with_their_bass() -> None:
    grid = Grid.constant(120, bars=2)
    chords = chords_from_text("C/E N.C. | F Gm", grid).chords
    band = backing(grid, Key.parse("C"), None, chords)
    assert [(n.start_beats, n.length_beats, n.pitch % 12) for n in band.bass] == [
        (0, 2, 4), (4, 2, 5), (6, 2, 7),
    ]  # fmt: skip
    assert {n.pitch % 12 for n in band.chords if n.start_beats == 6} == {7, 10, 2}
