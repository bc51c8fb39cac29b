"""The one family of errors of this room, with codes that never change their meaning."""

from __future__ import annotations

from enum import IntEnum


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


class ProtocolError(ValueError):
    """A message is wrong or was refused; `message` is one sentence for a person.

    `field` names the argument at fault as a client writes it, or is empty.
    """

    def __init__(self, code: int, message: str, field: str = "") -> None:
        # All three go to the base class, so that the error can be pickled between processes.
        super().__init__(code, message, field)
        self.code = int(code)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return self.message

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
