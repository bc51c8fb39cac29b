"""The chords of a request, as text or as a file, and how many bars they have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from midi.grid import Grid
from midi.key import Key
from midi.meter import Meter, MeterChange
from osc_protocol.errors import refusing
from osc_protocol.fields import give_one
from osc_protocol.song_maps import meter_changes

if TYPE_CHECKING:
    from midi.chords import Progression

CHORDS = ("chords", "chords_path")  # the ways to give them


def read_chords(
    text: str, path: str, grid: Grid, key: Key, *, german_h: bool
) -> Progression | None:
    """The chords of a text or of a file on the grid, or None; raises ProtocolError."""
    if text and path:
        raise give_one("chords", "chords_path")
    if text:
        from midi.chords import chords_from_text

        with refusing("chords"):
            return chords_from_text(text, grid, german_h=german_h)
    if path:
        from midi import chord_file

        with refusing("chords_path", colon=True):
            return chord_file.read_chords(Path(path), grid, key, german_h=german_h)
    return None


def bars_of_chords(text: str) -> int | None:
    """How many bars a text of chords has, or None where there is none."""
    if not text:
        return None
    from midi.chords import bars_of_text

    return bars_of_text(text) or None


def bars_of_chord_file(path: Path, meter: str, meter_map: str) -> int:
    """How many bars a file of chords has, at least one; raises ProtocolError."""
    from midi.chord_file import length_of_chords

    with refusing("chords_path", colon=True):
        length = length_of_chords(path)
    if isinstance(length, int):
        return max(1, length)
    with refusing("meter"):
        meters = (MeterChange(0, Meter.parse(meter)), *meter_changes(meter_map))
    return _bars_until(length, meters)


def _bars_until(beats: Fraction, meters: tuple[MeterChange, ...]) -> int:
    """How many bars it takes to reach a beat, at least one."""
    bar, reached = 0, Fraction(0)
    beats_a_bar = {change.bar: change.meter.beats for change in meters}
    step = meters[0].meter.beats
    while reached < beats or bar == 0:
        step = beats_a_bar.get(bar, step)
        reached += step
        bar += 1
    return bar
