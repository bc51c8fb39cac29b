"""Tags that hold prompts at times: what they make of a request's tags, sections and tempo map."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from midi.grid import MeterChange, TempoPoint
from midi.timed_prompts import END, TimedPrompt, is_timed, place, read_timed
from osc_protocol.errors import Code, ProtocolError, named, refusal, refusing

__all__ = ["OnBars", "is_timed", "length_in_bars", "on_bars", "opening_bpm"]


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
    """Bars up to the prompt that ends timed tags, or else up to `seconds`; None: neither is told.

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
