"""One argument of a message: its name, its kind, what it may be, how front ends offer it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from osc_protocol.errors import wire_name

# What each kind is sent as. On the way in i, h, f, d and decimal text are all numbers.
TAGS = {
    "int": "i",
    "float": "f",
    "flag": "i",
    "text": "s",
    "line": "s",
    "names": "s",
    "path": "s",
    "adapters": "s",
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
MAX_PATH_BYTES = 4096
VARY, CHANGE = "vary", "change"  # a new seed of the same request; a change of its result


@dataclass(frozen=True, slots=True)
class Arg:
    """What a message's class says of a field; name, kind and default come from the field itself.

    `kind` is int, float, flag (0 or 1), text, line (text that the daemon sends: cut to
    `max_bytes` rather than refused), names (of `choices`, comma-separated, each once, kept in
    their order), path (of a file or folder on the daemon's machine), adapters (path[:scale], one
    a line), rid (a request id; whole numbers become decimal text), target (a request id or a job
    number) or bytes. `low` and `high` bound numbers, `choices` is all that a text or whole number
    may be, `max_bytes` bounds UTF-8 text and blobs, `pattern` must match all of a text that is
    not empty.

    A keyed argument with a `position` may also stand by position. `in_request` is whether it is
    part of the request that is stored and compared, as `stored_as` if not by its name; one that is
    `stored_if_set` is left out of it at its default, as every field must be that was added after
    the first results were stored: their files carry a hash of the request. `kept_by` says
    whether a variation (VARY) and a change of a result (CHANGE) repeat it. On the command line
    it is `option` (from its name where that is empty), listed under `group`, unless `wire_only`
    says why there is none; `lines` is an option that may be repeated, one line each, and
    `from_file` one that takes "@file".
    """

    about: str
    kind: str = ""
    name: str = ""
    field: str = ""
    default: object = REQUIRED
    must_be_sent: bool = False  # although Python programs may leave it out at first
    low: int | float | None = None
    high: int | float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    max_bytes: int = DEFAULT_TEXT_BYTES
    aliases: tuple[str, ...] = ()
    keyed: bool = False
    position: int = 0
    unset: str = "none"  # what the daemon does without it, where the default does not say
    in_request: bool = True
    stored_as: str = ""
    stored_if_set: bool = False
    kept_by: tuple[str, ...] = (VARY, CHANGE)
    option: str = ""
    old_options: tuple[str, ...] = ()
    wire_only: str = ""
    group: str = ""
    example: str = ""
    lines: bool = False
    from_file: bool = False

    @property
    def tag(self) -> str:
        """The OSC type tag it is sent as."""
        return TAGS[self.kind]

    @property
    def is_required(self) -> bool:
        """True where a message without it is refused."""
        return self.default is REQUIRED or self.must_be_sent

    def is_default(self, value: object) -> bool:
        """True where leaving it out asks for the same."""
        if value is self.default or value == self.default:
            return True
        return self.default is None and str(value) == self.unset

    @property
    def options(self) -> tuple[str, ...]:
        """Its names on the command line, the one to use first; none where it is wire only."""
        if self.wire_only:
            return ()
        return (self.option or f"--{self.name}", *self.old_options)


@dataclass(frozen=True, slots=True)
class Key(Arg):
    """An Arg that stands as a name, value pair after the positional ones, in any order."""

    keyed: bool = True


def bound(arg: Arg, field: str, kind: str, default: object) -> Arg:
    """Return `arg` as the argument that `field` of a message's class is."""
    name = arg.name or wire_name(field)
    return replace(
        arg,
        field=field,
        name=name,
        stored_as=arg.stored_as or name.replace("-", "_"),
        kind=arg.kind or kind,
        default=arg.default if default is REQUIRED else default,
        max_bytes=MAX_PATH_BYTES if arg.kind == "path" else arg.max_bytes,
    )
