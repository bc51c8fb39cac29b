"""One argument of a message: its name, its kind and what it may be."""

from __future__ import annotations

from dataclasses import dataclass

# What each kind is sent as. On the way in i, h, f, d and decimal text are all numbers.
TAGS = {
    "int": "i",
    "float": "f",
    "flag": "i",
    "text": "s",
    "line": "s",
    "rid": "s",
    "target": "s",
    "bytes": "b",
}


class Required:
    """The type of REQUIRED, which no value that can be sent has."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = Required()
DEFAULT_TEXT_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Argument:
    """A cell of the table.

    `kind` is int, float, flag (0 or 1), text, line (text that the daemon sends: cut to
    `max_bytes` rather than refused), rid (a request id; whole numbers become decimal text), target
    (a request id or a job number) or bytes. `low` and `high` bound numbers, `choices` is all that a
    text or whole number may be, `max_bytes` bounds UTF-8 text and blobs, `pattern` must match all
    of a text that is not empty.
    """

    name: str
    kind: str
    about: str
    default: object = REQUIRED
    low: int | float | None = None
    high: int | float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    max_bytes: int = DEFAULT_TEXT_BYTES
    aliases: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """The name as a Python attribute."""
        return self.name.replace("-", "_")

    @property
    def tag(self) -> str:
        """The OSC type tag it is sent as."""
        return TAGS[self.kind]

    @property
    def is_required(self) -> bool:
        """True where a message without it is refused."""
        return self.default is REQUIRED
