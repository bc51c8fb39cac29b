"""How a recording is counted where the user says it: options of conform and measure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.errors import UsageError

if TYPE_CHECKING:
    from audio.counting import Counting
    from audio.errors import Remedy

Downbeat = Annotated[
    float | None,
    typer.Option("--downbeat", metavar="SECONDS", help="Where bar 1 begins in the recording."),
]
Half = Annotated[bool, typer.Option("--half", help="It is counted at half the tempo.")]
Double = Annotated[bool, typer.Option("--double", help="It is counted at double the tempo.")]


def pace_of(half: bool, double: bool) -> Fraction:
    """How many beats are counted for one; raises UsageError where both were given."""
    if half and double:
        raise UsageError("half and double exclude each other")
    return Fraction(1, 2) if half else Fraction(2 if double else 1)


def counting_of(downbeat: float | None, half: bool, double: bool) -> Counting:
    """What the options say; raises UsageError."""
    from audio.counting import Counting
    from audio.errors import AudioError

    try:
        return Counting(downbeat, pace_of(half, double))
    except AudioError as error:
        raise UsageError(str(error)) from None


@contextmanager
def advising() -> Iterator[None]:
    """Add to a refusal which option would settle it."""
    from audio.errors import CannotConform

    try:
        yield
    except CannotConform as error:
        advice = advice_on(error.remedy)
        if not advice:
            raise
        advised = CannotConform(f"{error}; {advice}")
        advised.bars_held, advised.remedy = error.bars_held, error.remedy
        raise advised from None


def advice_on(remedy: Remedy | str | None) -> str:
    """Which option settles what is not heard surely; empty where none does."""
    from audio.errors import Remedy

    options = {
        Remedy.DOWNBEAT: "say where bar 1 begins with --downbeat SECONDS",
        Remedy.OCTAVE: "if you count it at half or double that tempo, say --half or --double",
    }
    return options[Remedy(remedy)] if remedy else ""
