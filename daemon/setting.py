"""One row of the table of settings: its name, the type of its value, and how a value is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from daemon.errors import UsageError

YES_OR_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class About:
    """What a setting means, how far a number may go, and what reads a text that is not empty."""

    text: str
    default: object = None
    low: float = 0
    high: float = 0
    unit: str = ""
    reads: Callable[[str, str], object] = field(default=lambda where, text: text)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by its `key` in the file; `kind` is the type of its value, or of each of `many`.

    Many are a list in the file, an option that is repeated, and in a variable one text in which
    os.pathsep is between them, or of texts a space.
    """

    key: str
    kind: type
    about: About
    many: bool = False

    @property
    def field(self) -> str:
        """Return its name as a field of Config."""
        return self.key.replace("-", "_")

    def read(self, given: object, where: str) -> Any:
        """Return the value that a text or a value of the file gives; raises UsageError."""
        if not self.many:
            return self._one(given, where)
        if isinstance(given, str):
            given = given.split(self._between)
        each = given if isinstance(given, list | tuple) else [given]
        return tuple(self._one(one, where) for one in each if one != "")

    def text(self, value: Any) -> str:
        """Return a value as the text of a variable, "" where nothing is set; paths are absolute."""
        if self.many:
            return self._between.join(map(_text, value))
        return "" if value is None else _text(value)

    @property
    def _between(self) -> str:
        return " " if self.kind is str else os.pathsep

    def _one(self, given: object, where: str) -> Any:
        if self.kind is IPv4Network:
            return _network(given, where)
        if self.kind in (str, Path):
            if not isinstance(given, str | Path):
                raise UsageError(f"{where} must be text in quotes, not {given!r}")
            if given:
                self.about.reads(where, str(given))
            return Path(given).expanduser() if self.kind is Path else given
        if self.kind is bool:
            if str(given).lower() not in YES_OR_NO:
                raise UsageError(f"{where} must be yes or no, not {given!r}")
            return YES_OR_NO[str(given).lower()]
        about = self.about
        try:
            if isinstance(given, bool) or (self.kind is int and isinstance(given, float)):
                raise ValueError
            number = self.kind(given)
            if not about.low <= number <= about.high:
                raise ValueError
        except (ValueError, TypeError):
            kind = "a whole number " if self.kind is int and not isinstance(given, int) else ""
            unit = f" {about.unit}" if about.unit else ""
            raise UsageError(
                f"{where} must be {kind}from {about.low:g} to {about.high:g}{unit}, not {given!r}"
            ) from None
        return number


def _text(value: object) -> str:
    return str(value.absolute() if isinstance(value, Path) else value)


def _network(given: object, where: str) -> IPv4Network:
    try:
        if not isinstance(given, str | IPv4Network):
            raise ValueError
        network = IPv4Network(given, strict=False)
    except ValueError:
        wanted = "an IPv4 network such as 192.168.1.0/24"
        raise UsageError(f"{where} must be {wanted}, not {given!r}") from None
    if not network.prefixlen:
        raise UsageError(f"{where} must not be the whole internet, as {given!r} is")
    return network
