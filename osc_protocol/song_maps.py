"""Tempo, meter and sections over the bars of a song, as text that fits into one OSC string."""

from __future__ import annotations

import re

from midi.grid import Meter, MeterChange, TempoPoint
from midi.number import exact
from midi.sections import read_sections
from osc_protocol.checks import shown
from osc_protocol.errors import refusal, refusing

_BAR = r"([1-9][0-9]{0,4})"
_METER_CHANGE = re.compile(rf"{_BAR}:(\S+)")


def tempo_points(text: str) -> tuple[TempoPoint, ...]:
    """Read "0:92 16:92:ramp 24:120.5": beat in quarters from 0, bpm, and whether it ramps on."""
    points = []
    for word in text.split():
        beat, bpm, *ramp = [*word.split(":"), ""][: max(2, word.count(":") + 1)]
        start, tempo = exact(beat), exact(bpm)
        if start is None or tempo is None or ramp not in ([], ["ramp"]):
            raise refusal("tempo_map", f" must be beat:bpm or beat:bpm:ramp, not {shown(word)}")
        with refusing("tempo_map", colon=True):
            points.append(TempoPoint(start, tempo, bool(ramp)))
    return tuple(points)


def meter_changes(text: str) -> tuple[MeterChange, ...]:
    """Read "1:4/4 5:7/8": bars from 1, as musicians count them."""
    changes = []
    for word in text.split():
        match = _METER_CHANGE.fullmatch(word)
        if not match:
            raise refusal("meter_map", f" must be bar:n/d, such as 5:7/8, not {shown(word)}")
        with refusing("meter_map", colon=True):
            changes.append(MeterChange(int(match[1]) - 1, Meter.parse(match[2])))
    return tuple(changes)


def bar_names(text: str, bars: int) -> tuple[str, ...]:
    """Read "1-4: verse 5-8: chorus, loud" (bars from 1) into one name a bar, "" where none is."""
    with refusing("sections"):
        return read_sections(text, bars)
