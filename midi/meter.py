"""The meter: how many quarters a bar holds, and from which bar on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from midi.errors import GridError
from midi.number import is_whole, shown

MAX_NUMERATOR = 32
DENOMINATORS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature such as 7/8; numerator 1..32, denominator a power of two up to 32."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if not is_whole(self.numerator, 1, MAX_NUMERATOR):
            raise GridError(
                f"meter numerator must be a whole number from 1 to {MAX_NUMERATOR}, "
                f"not {shown(self.numerator)}"
            )
        if not is_whole(self.denominator, 1) or self.denominator not in DENOMINATORS:
            raise GridError(
                f"meter denominator must be one of {', '.join(map(str, DENOMINATORS))}, "
                f"not {shown(self.denominator)}"
            )

    @classmethod
    def parse(cls, text: str) -> Meter:
        """Read "7/8"; raises GridError."""
        parts = text.split("/") if isinstance(text, str) else []
        digits = [part.strip() for part in parts]
        if len(digits) != 2 or not all(d.isascii() and d.isdigit() and len(d) < 5 for d in digits):
            raise GridError(f"meter must be written like 4/4 or 7/8, not {shown(text)}")
        return cls(int(digits[0]), int(digits[1]))

    @property
    def beats(self) -> Fraction:
        """Quarter notes a bar: 7/8 has 7/2."""
        return Fraction(4 * self.numerator, self.denominator)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, slots=True)
class MeterChange:
    """From `bar` on (counted from 0) bars are of `meter`."""

    bar: int
    meter: Meter

    def __post_init__(self) -> None:
        if not is_whole(self.bar, 0):
            raise GridError(
                f"meter change bar must be a whole number from 0, not {shown(self.bar)}"
            )
