"""One note, in beats or in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from midi.errors import MelodyError
from midi.number import exact, is_whole, shown


@dataclass(frozen=True, slots=True)
class Note:
    """Start from 0 and length over 0 in beats (quarters), MIDI pitch 0..127, velocity 1..127.

    Floats and text are taken as the decimals they are written as. Raises MelodyError.
    """

    start_beats: Fraction
    length_beats: Fraction
    pitch: int
    velocity: int = 100

    def __post_init__(self) -> None:
        start, length = exact(self.start_beats), exact(self.length_beats)
        if start is None or start < 0:
            raise MelodyError(f"note start must be 0 beats or more, not {shown(self.start_beats)}")
        if length is None or length <= 0:
            raise MelodyError(
                f"note length must be more than 0 beats, not {shown(self.length_beats)}"
            )
        for name, value, least in (("pitch", self.pitch, 0), ("velocity", self.velocity, 1)):
            if not is_whole(value, least, 127):
                raise MelodyError(
                    f"note {name} must be a whole number from {least} to 127, not {shown(value)}"
                )
        object.__setattr__(self, "start_beats", start)
        object.__setattr__(self, "length_beats", length)

    @property
    def end_beats(self) -> Fraction:
        """Where the note ends, in beats."""
        return self.start_beats + self.length_beats


@dataclass(frozen=True, slots=True)
class TimedNote:
    """Start and length in seconds, MIDI pitch (General MIDI's number for drums), velocity 0..1."""

    start_seconds: float
    length_seconds: float
    pitch: int
    velocity: float
