"""Checks of one value against its cell of the table; each refusal names field, value and limit."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NoReturn

from midi.number import exact
from osc_protocol.argument import Argument
from osc_protocol.errors import Code, ProtocolError

_RID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and newline
MAX_SHOWN = 60


def shown(value: object) -> str:
    """`value` in one short printable line, safe for a terminal and a log."""
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN:
        return "a number of more than 60 digits"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def check(argument: Argument, value: object) -> object:
    """Return `value` in the Python type of the argument's kind, or raise ProtocolError.

    None stands where the argument's default is None. Numbers may be decimal text; whole numbers
    may be floats without a fraction; nothing is clamped or rounded.
    """
    if value is None and argument.default is None:
        return None
    match argument.kind:
        case "int":
            return _whole(argument, value)
        case "float":
            return _number(argument, value)
        case "flag":
            return _flag(argument, value)
        case "rid":
            return _rid(argument, value)
        case "target":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return _whole(argument, value) if is_number else _rid(argument, value)
        case "line":
            return _line(argument, value)
        case "bytes":
            return _bytes(argument, value)
        case _:
            return _text(argument, value)


def _number(argument: Argument, value: object) -> float:
    number = _within(argument, _exact(argument, value), value)
    try:
        return float(number)
    except OverflowError:
        refuse(Code.OUT_OF_RANGE, argument, "a number that a float can hold", value)


def _whole(argument: Argument, value: object) -> int:
    number = _exact(argument, value)
    if number.denominator != 1:
        refuse(Code.OUT_OF_RANGE, argument, "a whole number" + _range(argument), value)
    return int(_within(argument, number, value))


def _exact(argument: Argument, value: object) -> Fraction:
    if isinstance(value, float) and not math.isfinite(value):
        refuse(Code.OUT_OF_RANGE, argument, "a finite number" + _range(argument), value)
    number = exact(value)
    if number is None:
        refuse(Code.BAD_TYPE, argument, "a number" + _range(argument), value)
    return number


def _within(argument: Argument, number: Fraction, value: object) -> Fraction:
    if (argument.low is not None and number < argument.low) or (
        argument.high is not None and number > argument.high
    ):
        noun = "a number" if argument.kind == "float" else "a whole number"
        refuse(Code.OUT_OF_RANGE, argument, noun + _range(argument), value)
    if argument.choices and str(number) not in argument.choices:
        refuse(Code.OUT_OF_RANGE, argument, _one_of(argument), value)
    return number


def _range(argument: Argument) -> str:
    unit = f" {argument.unit}" if argument.unit and argument.unit != argument.name else ""
    if argument.low is None:
        return ""
    if argument.high is None:
        return f" from {argument.low}{unit}"
    return f" from {argument.low} to {argument.high}{unit}"


def _flag(argument: Argument, value: object) -> bool:
    if isinstance(value, bool):
        return value
    number = exact(value)
    if number is None:
        refuse(Code.BAD_TYPE, argument, "0 or 1", value)
    if number not in (0, 1):
        refuse(Code.OUT_OF_RANGE, argument, "0 or 1", value)
    return number == 1


def _rid(argument: Argument, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        value = str(value)
    if not isinstance(value, str):
        refuse(Code.BAD_TYPE, argument, "text or a whole number", value)
    if value == "" and argument.default == "":
        return value
    if not _RID.fullmatch(value):
        refuse(Code.OUT_OF_RANGE, argument, "1 to 64 characters of A-Z a-z 0-9 . _ : -", value)
    return value


def _text(argument: Argument, value: object) -> str:
    if not isinstance(value, str):
        refuse(Code.BAD_TYPE, argument, "text", value)
    value = value.replace("\r\n", "\n")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        refuse(Code.OUT_OF_RANGE, argument, "text in Unicode", value)
    if size > argument.max_bytes:
        raise ProtocolError(
            Code.TOO_LARGE,
            f"{argument.name} must be at most {argument.max_bytes} bytes of text, not {size}",
            argument.name,
        )
    if _CONTROLS.search(value):
        refuse(Code.OUT_OF_RANGE, argument, "text without control characters", value)
    if argument.choices and value not in argument.choices:
        refuse(Code.OUT_OF_RANGE, argument, _one_of(argument), value)
    if value and argument.pattern and not re.fullmatch(argument.pattern, value):
        refuse(Code.OUT_OF_RANGE, argument, argument.about, value)
    return value


def _line(argument: Argument, value: object) -> str:
    if not isinstance(value, str):
        refuse(Code.BAD_TYPE, argument, "text", value)
    printable = _CONTROLS.sub("?", value).encode("utf-8", "replace")
    if len(printable) > argument.max_bytes:
        printable = printable[: argument.max_bytes - 3] + b"..."
    return printable.decode("utf-8", "ignore")


def _one_of(argument: Argument) -> str:
    if len(argument.choices) == 1:
        return argument.choices[0]
    unit = f" {argument.unit}" if argument.unit else ""
    return f"one of {', '.join(argument.choices)}{unit}"


def _bytes(argument: Argument, value: object) -> bytes:
    if not isinstance(value, bytes | bytearray):
        refuse(Code.BAD_TYPE, argument, "a blob", value)
    if len(value) > argument.max_bytes:
        refuse(Code.TOO_LARGE, argument, f"at most {argument.max_bytes} bytes", value)
    return bytes(value)


def refuse(code: Code, argument: Argument, wanted: str, value: object) -> NoReturn:
    """Raise ProtocolError: "<name> must be <wanted>, not <value>"."""
    raise ProtocolError(
        code, f"{argument.name} must be {wanted}, not {shown(value)}", argument.name
    )
