"""Exact numbers out of what users and messages give: text, floats, fractions."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from fractions import Fraction

_TEXT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)|[+-]?\d+/\d+", re.ASCII)
_MAX_TEXT = 32  # characters: a bound on the digits that exact arithmetic has to carry
_SQRT_BITS = 64


def exact(value: object) -> Fraction | None:
    """Return the number that `value` was meant to be, or None where it is no finite number.

    A float stands for its shortest decimal, so 61.7 is 617/10 and not the binary neighbour.
    Text is a decimal ("92.5") or a fraction ("277/3"); exponents are refused, because
    "1e999999999" would have to be written out in full.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int):
        return None if isinstance(value, bool) else Fraction(value)
    if isinstance(value, float):
        if value.is_integer():
            return Fraction(int(value))
        return _decimal(repr(float(value))) if math.isfinite(value) else None
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= _MAX_TEXT and _TEXT.fullmatch(text):
            with suppress(ZeroDivisionError):
                return Fraction(text) if "/" in text else _decimal(text)
    return None


def _decimal(text: str) -> Fraction:
    """The number of a decimal text; much faster than Fraction, which reads every form there is."""
    whole, _, digits = text.partition(".")
    if "e" in digits or "e" in whole:
        return Fraction(text)
    return Fraction(int(whole + digits), 10 ** len(digits))


def square_root(value: Fraction) -> Fraction:
    """Return the root of a fraction >= 0: exact where rational, else less than 2**-64 below it."""
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    scaled = math.isqrt((value.numerator << 2 * _SQRT_BITS) // value.denominator)
    return Fraction(scaled, 1 << _SQRT_BITS)


def counted(count: Fraction | int, noun: str) -> str:
    """Such as "1 note" or "2.5 beats"."""
    return f"{float(count):g} {noun}{'' if count == 1 else 's'}"


def is_whole(value: object, least: int, most: float = math.inf) -> bool:
    """True for an int that is no bool, from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def shown(value: object) -> str:
    """The value for an error message: text in quotes, at most 40 characters."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of over 60 digits"  # Python itself refuses to print the longest
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
