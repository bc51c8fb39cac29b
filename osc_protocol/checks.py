"""Checks of one value against its cell of the table; each refusal names field, value and limit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import NoReturn

from midi.number import exact
from osc_protocol.argument import Arg
from osc_protocol.errors import Code, refusal

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


def checker(argument: Arg) -> Callable[[object], object]:
    """Return the check of an argument: it gives the value in the Python type of its kind.

    It raises ProtocolError. None stands where the argument's default is None. Numbers may be
    decimal text; whole numbers may be floats without a fraction; nothing is clamped or rounded.
    """
    full = partial(_CHECKS[argument.kind], argument)
    if argument.default is None:
        return lambda value: None if value is None else full(value)
    low, high = argument.low, argument.high
    if argument.kind == "float" and low is not None and high is not None:
        # What nearly every message holds: a float within its limits (NaN is not).
        return lambda value: value if type(value) is float and low <= value <= high else full(value)
    return full


def check(argument: Arg, value: object) -> object:
    """Check one value once; see checker()."""
    return checker(argument)(value)


def _number(argument: Arg, value: object) -> float:
    number = _within(argument, _exact(argument, value), value)
    try:
        return float(number)
    except OverflowError:
        refuse(Code.OUT_OF_RANGE, argument, "a number that a float can hold", value)


def _whole(argument: Arg, value: object) -> int:
    if type(value) is int and argument.low is not None and argument.high is not None:
        if argument.low <= value <= argument.high:
            return value
    number = _exact(argument, value)
    if number.denominator != 1:
        refuse(Code.OUT_OF_RANGE, argument, "a whole number" + _range(argument), value)
    return int(_within(argument, number, value))


def _exact(argument: Arg, value: object) -> Fraction:
    if isinstance(value, float) and not math.isfinite(value):
        refuse(Code.OUT_OF_RANGE, argument, "a finite number" + _range(argument), value)
    number = exact(value)
    if number is None:
        refuse(Code.BAD_TYPE, argument, "a number" + _range(argument), value)
    return number


def _within(argument: Arg, number: Fraction, value: object) -> Fraction:
    if (argument.low is not None and number < argument.low) or (
        argument.high is not None and number > argument.high
    ):
        noun = "a number" if argument.kind == "float" else "a whole number"
        refuse(Code.OUT_OF_RANGE, argument, noun + _range(argument), value)
    if argument.choices and str(number) not in argument.choices:
        refuse(Code.OUT_OF_RANGE, argument, _one_of(argument), value)
    return number


def _range(argument: Arg) -> str:
    unit = f" {argument.unit}" if argument.unit and argument.unit != argument.name else ""
    if argument.low is None:
        return ""
    if argument.high is None:
        return f" from {argument.low}{unit}"
    return f" from {argument.low} to {argument.high}{unit}"


def _flag(argument: Arg, value: object) -> bool:
    if isinstance(value, bool):
        return value
    number = exact(value)
    if number is None:
        refuse(Code.BAD_TYPE, argument, "0 or 1", value)
    if number not in (0, 1):
        refuse(Code.OUT_OF_RANGE, argument, "0 or 1", value)
    return number == 1


def _rid(argument: Arg, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        value = str(value)
    if not isinstance(value, str):
        refuse(Code.BAD_TYPE, argument, "text or a whole number", value)
    if value == "" and argument.default == "":
        return value
    if not _RID.fullmatch(value):
        refuse(Code.OUT_OF_RANGE, argument, "1 to 64 characters of A-Z a-z 0-9 . _ : -", value)
    return value


def _text(argument: Arg, value: object) -> str:
    if not isinstance(value, str):
        refuse(Code.BAD_TYPE, argument, "text", value)
    value = _clean(argument, value)
    if argument.choices and value not in argument.choices:
        refuse(Code.OUT_OF_RANGE, argument, _one_of(argument), value)
    if value and argument.pattern and not re.fullmatch(argument.pattern, value):
        refuse(Code.OUT_OF_RANGE, argument, argument.about, value)
    return value


def _clean(argument: Arg, value: str) -> str:
    """Text of any script, with newlines, or a refusal of its length or characters."""
    if value.isascii() and value.isprintable() and len(value) <= argument.max_bytes:
        return value
    value = value.replace("\r\n", "\n")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        refuse(Code.OUT_OF_RANGE, argument, "text in Unicode", value)
    if size > argument.max_bytes:
        limit = f" must be at most {argument.max_bytes} bytes of text, not {size}"
        raise refusal(argument.field, limit, Code.TOO_LARGE)
    if _CONTROLS.search(value):
        refuse(Code.OUT_OF_RANGE, argument, "text without control characters", value)
    return value


def _names(argument: Arg, value: object) -> tuple[str, ...]:
    """Read "bass,drums" or a sequence of names into the order of the choices."""
    if isinstance(value, str):
        names = [name.strip() for name in _clean(argument, value).split(",")]
    elif isinstance(value, tuple | list) and all(isinstance(name, str) for name in value):
        names = list(value)
    else:
        refuse(Code.BAD_TYPE, argument, "text", value)
    for name in names:
        if name not in argument.choices:
            refuse(Code.OUT_OF_RANGE, argument, f"among {', '.join(argument.choices)}", name)
    if not names or len(set(names)) < len(names):
        given = shown(",".join(names))
        raise refusal(argument.field, f" must name each of them once, not {given}")
    return tuple(name for name in argument.choices if name in names)


def _line(argument: Arg, value: object) -> str:
    if not isinstance(value, str):
        refuse(Code.BAD_TYPE, argument, "text", value)
    printable = _CONTROLS.sub("?", value).encode("utf-8", "replace")
    if len(printable) > argument.max_bytes:
        printable = printable[: argument.max_bytes - 3] + b"..."
    return printable.decode("utf-8", "ignore")


def _one_of(argument: Arg) -> str:
    if len(argument.choices) == 1:
        return argument.choices[0]
    unit = f" {argument.unit}" if argument.unit else ""
    return f"one of {', '.join(argument.choices)}{unit}"


def _bytes(argument: Arg, value: object) -> bytes:
    if not isinstance(value, bytes | bytearray):
        refuse(Code.BAD_TYPE, argument, "a blob", value)
    if len(value) > argument.max_bytes:
        refuse(Code.TOO_LARGE, argument, f"at most {argument.max_bytes} bytes", value)
    return bytes(value)


def refuse(code: Code, argument: Arg, wanted: str, value: object) -> NoReturn:
    """Raise ProtocolError: "<name> must be <wanted>, not <value>"."""
    raise refusal(argument.field, f" must be {wanted}, not {shown(value)}", code)


def _target(argument: Arg, value: object) -> str | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _whole(argument, value) if is_number else _rid(argument, value)


_CHECKS: Mapping[str, Callable[[Arg, object], object]] = {
    "int": _whole, "float": _number, "flag": _flag, "text": _text, "line": _line,
    "names": _names, "path": _text, "adapters": _text, "rid": _rid, "target": _target,
    "bytes": _bytes,
}  # fmt: skip
