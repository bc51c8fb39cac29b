"""Tempo, meter, sections and prompts at times over the bars of a song, each as one text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.number import exact
from midi.sections import read_sections
from midi.timed_prompts import END, TimedPrompt, place, read_timed
from osc_protocol.checks import shown
from osc_protocol.errors import Code, ProtocolError, named, refusal, refusing

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


@lru_cache(maxsize=8)  # a grid of 32000 bars takes some MiB
def grid_of(bars: int, bpm: float, meter: str, tempo_map: str, meter_map: str) -> Grid:
    """Return the grid of a request's fields; raises ProtocolError naming one of them.

    A client's requests mostly have the same, and making it takes longer than all other checks.
    """
    tempo = tempo_points(tempo_map)
    if not tempo or tempo[0].beat > 0:
        tempo = (TempoPoint(Fraction(0), exact(bpm) or Fraction(0)), *tempo)
    with refusing("tempo_map" if tempo_map else "meter_map" if meter_map else "bars"):
        return Grid(bars, tempo, meters_of(meter, meter_map))


@lru_cache(maxsize=8)
def meters_of(meter: str, meter_map: str) -> tuple[MeterChange, ...]:
    """Return the meters of a request's fields; raises ProtocolError naming one of them."""
    meters = meter_changes(meter_map)
    if meters and meters[0].bar == 0:
        return meters
    with refusing("meter"):
        return (MeterChange(0, Meter.parse(meter)), *meters)


def bar_names(text: str, bars: int) -> tuple[str, ...]:
    """Read "1-4: verse 5-8: chorus, loud" (bars from 1) into one name a bar, "" where none is."""
    if not text:
        return ()
    with refusing("sections"):
        return read_sections(text, bars)


@dataclass(frozen=True, slots=True)
class OnBars:
    """The fields that timed tags are a way to write; `tempo_map` "" where none is needed."""

    tags: str
    sections: str
    tempo_map: str


def on_bars(
    tags: str,
    bpm: Fraction,
    meters: tuple[MeterChange, ...],
    tempo: tuple[TempoPoint, ...],
    bars: int,
) -> OnBars:
    """Bring the prompts of `tags` onto bars; raises ProtocolError."""
    head, prompts = _read(tags)
    with refusing("tags", colon=True):
        placed = place(prompts, bpm, meters, tempo)
    if placed.end_bar not in (None, bars):
        raise refusal(
            "tags",
            f" end at {prompts[-1].place}, after {placed.end_bar} bars: "
            f"{named('bars')} must be as many, not {bars}",
        )
    for prompt, (first, _) in zip(prompts, placed.starts, strict=False):
        if first >= bars:
            falls = f"falls on bar {first + 1}, after the last of {bars}"
            raise refusal("tags", f": the prompt at {prompt.place} {falls}")
    return OnBars(head, placed.sections(bars), "" if tempo else placed.tempo_map())


def length_in_bars(
    tags: str, bpm: Fraction, meters: tuple[MeterChange, ...], seconds: Fraction | None = None
) -> int | None:
    """Bars up to the prompt that ends timed tags, or else up to `seconds`; None: neither is given.

    Raises ProtocolError.
    """
    _, prompts = _read(tags)
    ends = prompts[-1].words == END
    if seconds is not None:
        if ends:
            end = f"an end among the times of {named('tags')}"
            raise ProtocolError(
                Code.OUT_OF_RANGE,
                f"{named('seconds')} and {end}: give one of them, not both", "tags",
            )  # fmt: skip
        prompts = (*prompts, TimedPrompt(seconds, END, None))
    elif not ends:
        return None
    with refusing("tags", colon=True):
        return place(prompts, bpm, meters, ()).end_bar


def opening_bpm(tags: str) -> Fraction | None:
    """The tempo of the prompt at 0:00, or None; raises ProtocolError."""
    _, prompts = _read(tags)
    return prompts[0].bpm if prompts and prompts[0].seconds == 0 else None


def _read(tags: str) -> tuple[str, tuple[TimedPrompt, ...]]:
    with refusing("tags", colon=True):
        return read_timed(tags)
