"""The one family of errors of this room, with codes that never change their meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

_MARK = re.compile(r"\x02(\w+)\x03")


class Code(IntEnum):
    """What went wrong, as it stands in /backline/error; numbers are frozen, new ones are added."""

    INTERNAL = 1
    UNKNOWN_ADDRESS = 2
    BAD_TYPE = 3
    OUT_OF_RANGE = 4
    UNKNOWN_KEY = 5
    MISSING_ARGUMENT = 6
    NOT_FOUND = 7
    QUEUE_FULL = 8
    RID_CONFLICT = 9
    PATH_FORBIDDEN = 10
    UNAUTHORIZED = 11
    TOO_LARGE = 12
    RATE_LIMITED = 13
    MODEL_UNAVAILABLE = 14
    OUT_OF_MEMORY = 15
    DISK_FULL = 16
    TIMEOUT = 17
    CANCELLED = 18
    BAD_MIDI = 19
    UNSUPPORTED = 20
    SHUTTING_DOWN = 21
    INCOMPATIBLE_PROTOCOL = 22
    GONE = 23

    @property
    def symbol(self) -> str:
        """The code in words, such as "out-of-range"."""
        return self.name.lower().replace("_", "-")


def wire_name(field: str) -> str:
    """Return how a field of a message is called on the wire: bar_range is bar-range."""
    return field.rstrip("_").replace("_", "-")


def named(field: str) -> str:
    """Return a mark that stands for a field in an error's sentence.

    Each front end puts the field's name in its own words there: the wire's, or an option's.
    """
    return f"\x02{field}\x03"


def about(field: str, error: Exception) -> str:
    """Return the sentence of a room that does not know fields, which begins with one's name."""
    text, name = str(error), wire_name(field)
    return named(field) + text.removeprefix(name) if text.startswith(name) else text


class ProtocolError(ValueError):
    """A message is wrong or was refused; `message` is one sentence for a person.

    `field` names the argument at fault as it is called on the wire, or is empty. In the sentence
    fields stand as named() marks them.
    """

    def __init__(self, code: int, sentence: str, field: str = "") -> None:
        # All three go to the base class, so that the error can be pickled between processes.
        super().__init__(code, sentence, field)
        self.code = int(code)
        self._sentence = sentence
        self.field = wire_name(field)

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The sentence with the names of the wire."""
        return self.in_words_of({})

    def in_words_of(self, names: Mapping[str, str]) -> str:
        """Return the sentence with fields called as `names` has them, else as on the wire."""
        return _MARK.sub(lambda found: names.get(found[1]) or wire_name(found[1]), self._sentence)

    @property
    def symbol(self) -> str:
        """The code in words; "unknown" for a code this version does not know."""
        return next((code.symbol for code in Code if code == self.code), "unknown")


class DecodeError(ProtocolError):
    """The bytes are not an OSC packet within the limits; nobody can be answered."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.BAD_TYPE, message)

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str]]:
        return type(self), (self.message,)


class NoAnswer(ProtocolError):
    """Nothing came back from the daemon in time."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.TIMEOUT, message)

    def __reduce__(self) -> tuple[type[NoAnswer], tuple[str]]:
        return type(self), (self.message,)
