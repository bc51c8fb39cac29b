"""Tags that hold prompts at times: what they make of a request's tags, sections and tempo map."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from midi.errors import SectionError
from midi.grid import MeterChange, TempoPoint
from midi.timed_prompts import END, Placed, TimedPrompt, is_timed, place, read_timed
from osc_protocol.errors import Code, ProtocolError, named

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
    placed = _placed(prompts, bpm, meters, tempo)
    if placed.end_bar not in (None, bars):
        raise _refusal(
            f"{named('tags')} end at {prompts[-1].place}, after {placed.end_bar} bars: "
            f"{named('bars')} must be as many, not {bars}"
        )
    for prompt, (first, _) in zip(prompts, placed.starts, strict=False):
        if first >= bars:
            raise _refusal(
                f"{named('tags')}: the prompt at {prompt.place} falls on bar {first + 1}, "
                f"after the last of {bars}"
            )
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
            raise _refusal(
                f"{named('seconds')} and an end among the times of {named('tags')}: "
                "give one of them, not both"
            )
        prompts = (*prompts, TimedPrompt(seconds, END, None))
    elif not ends:
        return None
    return _placed(prompts, bpm, meters, ()).end_bar


def opening_bpm(tags: str) -> Fraction | None:
    """The tempo of the prompt at 0:00, or None; raises ProtocolError."""
    _, prompts = _read(tags)
    return prompts[0].bpm if prompts and prompts[0].seconds == 0 else None


def _read(tags: str) -> tuple[str, tuple[TimedPrompt, ...]]:
    try:
        return read_timed(tags)
    except SectionError as error:
        raise _refusal(f"{named('tags')}: {error}") from None


def _placed(
    prompts: tuple[TimedPrompt, ...],
    bpm: Fraction,
    meters: tuple[MeterChange, ...],
    tempo: tuple[TempoPoint, ...],
) -> Placed:
    try:
        return place(prompts, bpm, meters, tempo)
    except SectionError as error:
        raise _refusal(f"{named('tags')}: {error}") from None


def _refusal(message: str) -> ProtocolError:
    return ProtocolError(Code.OUT_OF_RANGE, message, "tags")
