"""The one family of errors of this room, with codes that never change their meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Self

from midi.errors import MidiError

_MARK = re.compile(r"\x02(\w+)\x03")


class Code(IntEnum):
    """What went wrong, as it stands in /backline/error; numbers are frozen, new ones are added."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a member that is its number and has a meaning in words."""
        code = int.__new__(cls, number)
        code._value_, code.meaning = number, meaning
        return code

    INTERNAL = 1, "a fault in the daemon; its log has the details"
    UNKNOWN_ADDRESS = 2, "no such address, or a pattern: addresses are taken literally"
    BAD_TYPE = 3, "the argument is of the wrong kind, such as text for a number"
    OUT_OF_RANGE = 4, "the argument is of the right kind but cannot be; the message has the limit"
    UNKNOWN_KEY = 5, "no such key; write `?key` for one that may be ignored"
    MISSING_ARGUMENT = 6, "an argument that must be there is not, or a key has no value"
    NOT_FOUND = 7, "no such job; it never means that a job has ended"
    QUEUE_FULL = 8, "too many jobs wait"
    RID_CONFLICT = 9, "the rid stands for a request with other parameters"
    PATH_FORBIDDEN = 10, "a path that may not be opened, or is not absolute"
    UNAUTHORIZED = 11, "not from here"
    TOO_LARGE = 12, "longer than the limit in the message"
    RATE_LIMITED = 13, "too many messages or too many subscribers"
    MODEL_UNAVAILABLE = 14, "the engine cannot be opened on this machine"
    OUT_OF_MEMORY = 15, "the job needs more memory than there is"
    DISK_FULL = 16, "results or journal cannot be written"
    TIMEOUT = (
        17,
        "no answer in time: of the daemon, a worker that stood still, a locked journal",
    )
    CANCELLED = 18, "it was cancelled"
    BAD_MIDI = 19, "the melody cannot be read, or holds no pitched note"
    UNSUPPORTED = 20, "understood, but not in this version"
    SHUTTING_DOWN = 21, "the daemon is stopping"
    INCOMPATIBLE_PROTOCOL = 22, "the daemon speaks another major version"
    GONE = 23, "it was there, and is no more"

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


def refusal(field: str, rest: str, code: Code = Code.OUT_OF_RANGE) -> ProtocolError:
    """Return the error whose sentence is the name of `field` and `rest`, which begins after it."""
    return ProtocolError(code, named(field) + rest, field)


class refusing:
    """Turn a MidiError, which may begin with the name of `field`, into a refusal of that field.

    With `colon` it does not begin so, and the name is put before it.
    """

    __slots__ = ("colon", "field")

    def __init__(self, field: str, *, colon: bool = False) -> None:
        self.field, self.colon = field, colon

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MidiError):
            text, name = str(error), wire_name(self.field)
            if self.colon or text.startswith(name):
                sentence = f": {text}" if self.colon else text.removeprefix(name)
                raise refusal(self.field, sentence) from None
            raise ProtocolError(Code.OUT_OF_RANGE, text, self.field) from None


class DecodeError(ProtocolError):
    """The bytes are not an OSC packet within the limits; nobody can be answered."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.BAD_TYPE, message)
        self.args = (message,)  # what it is made of again when it was pickled


class NoAnswer(ProtocolError):
    """Nothing came back from the daemon in time."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.TIMEOUT, message)
        self.args = (message,)
