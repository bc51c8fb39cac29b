"""What all messages share: fields that say what they may be, and the table that is made of them.

A message is a class whose fields are annotated with an Arg; nothing about them stands anywhere
else. What is positional is frozen; a message grows by keys (commands) or by arguments at its end
(replies, events), which older clients ignore.
"""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import UnionType
from typing import Any, ClassVar, Self, dataclass_transform, get_args

from osc_protocol.argument import REQUIRED, VARY, Arg, bound
from osc_protocol.checks import checker, shown
from osc_protocol.errors import Code, ProtocolError, refusal

KINDS = {float: "float", bool: "flag", int: "int", str: "text", bytes: "bytes", tuple: "names"}
_digested = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
CLASSES: dict[str, type[Message]] = {}  # by name, in the order they are declared in


@dataclass(frozen=True)
class Row:
    """One message: `args` by position, then `keys` in any order as name, value pairs.

    `frozen` names the keys that may also stand by position after `args` (all of them, in order).
    `short` lists argument names of forms without a request id, all numbers, in which keys have
    `short_values` instead of their defaults. `button` commands may
    come with nothing or with one number, where 0 is a button let go and does nothing; in any other
    form all their arguments must be there. A row whose second argument has but one choice shares
    its address with others, distinguished by it.
    """

    name: str
    address: str
    direction: str  # "command" to the daemon; "reply" or "event" from it
    about: str
    args: tuple[Arg, ...]
    keys: tuple[Arg, ...]
    short: tuple[tuple[str, ...], ...]
    short_values: Mapping[str, object]
    button: bool
    answers: tuple[str, ...]

    @cached_property
    def fields(self) -> tuple[Arg, ...]:
        """All its arguments, positional ones first."""
        return self.args + self.keys

    @cached_property
    def requested(self) -> tuple[Arg, ...]:
        """Those that are part of the request that is stored."""
        return tuple(a for a in self.fields if a.in_request)

    @cached_property
    def frozen(self) -> tuple[str, ...]:
        """The names of the keys that may stand by position, in their order."""
        placed = sorted((a for a in self.keys if a.position), key=lambda a: a.position)
        return tuple(a.name for a in placed)

    @cached_property
    def beginning(self) -> tuple[Arg, ...]:
        """What stands by position where the keys that may do so do."""
        return self.args + tuple(self.key_names[name] for name in self.frozen)

    @cached_property
    def required_keys(self) -> tuple[Arg, ...]:
        """The keys without which a message is refused."""
        return tuple(a for a in self.keys if a.is_required)

    @cached_property
    def paths(self) -> tuple[Arg, ...]:
        """Those that name files or folders."""
        return tuple(a for a in self.fields if a.kind in ("path", "adapters"))

    @cached_property
    def key_names(self) -> Mapping[str, Arg]:
        """The keys by name, and by their aliases."""
        return {name: a for a in self.keys for name in (a.name, *a.aliases)}

    @property
    def tags(self) -> str:
        """The type tags of its positional arguments, as it is sent."""
        return "".join(argument.tag for argument in self.args)


@dataclass_transform(frozen_default=True)
class Message:
    """A frozen dataclass; making one checks every field and raises ProtocolError.

    `row` is its place in the table. Fields without an Arg are no part of what is sent.
    """

    direction: ClassVar[str]
    row: ClassVar[Row]
    _checkers: ClassVar[tuple[tuple[str, Callable[[object], object], object], ...]] = ()

    def __init_subclass__(
        cls,
        *,
        address: str = "",
        answers: tuple[str, ...] = (),
        button: bool = False,
        short: tuple[tuple[str, ...], ...] = (),
        short_values: Mapping[str, object] | None = None,
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        if not address:
            return
        arguments = tuple(_arguments(cls))
        about = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
        dataclass(frozen=True)(cls)
        cls.row = Row(
            cls.__name__, address, cls.direction, about,
            tuple(sorted((a for a in arguments if not a.keyed), key=lambda a: a.kind != "rid")),
            tuple(a for a in arguments if a.keyed),
            short, short_values or {}, button, answers,
        )  # fmt: skip
        cls._checkers = tuple((a.field, checker(a), a.default) for a in arguments)
        CLASSES[cls.__name__] = cls

    def __post_init__(self) -> None:
        values = self.__dict__
        for field, check, default in self._checkers:
            if values[field] is not default:  # a default is fine, as the tests of the table hold
                values[field] = check(values[field])


class Command(Message):
    """What a client asks of the daemon."""

    direction = "command"


class Reply(Message):
    """What the daemon answers."""

    direction = "reply"


class Event(Message):
    """What the daemon tells its subscribers."""

    direction = "event"


class Request(Command):
    """A command that becomes a job, with the canonical JSON that is stored of it.

    `kind` tells one request's JSON from another's; the first there was has none.
    """

    kind: ClassVar[str] = ""
    drawn: ClassVar[tuple[str, ...]] = ()  # fields of this request that nobody asked for

    def __init_subclass__(cls, *, kind: str = "", **more: Any) -> None:
        cls.kind = kind
        super().__init_subclass__(**more)

    @cached_property
    def digest(self) -> str:
        """The same for the same parameters, in whatever form or order they were sent.

        It tells a repeated packet from another request under its rid. What was drawn does not
        count, nor what is at its default, so that a later version's new fields change nothing.
        """
        values = self.__dict__
        asked = {
            argument.name: _as_json(argument, value)
            for argument in self.row.requested
            if (value := values[argument.field]) is not argument.default
            and argument.field not in self.drawn
            and not argument.is_default(value)
        }
        return sha256(_digested([self.kind, asked]).encode("utf-8")).hexdigest()

    def settings(self) -> list[tuple[str, str, object]]:
        """What a variation repeats: name on the wire, OSC type tag and value of each field.

        Empty defaults are left out; others are not, for programs have defaults of their own.
        """
        return [
            (argument.name, "d" if argument.tag == "f" else argument.tag, sent(argument, value))
            for argument in self.row.fields
            if VARY in argument.kept_by
            and ((value := getattr(self, argument.field)) or value != argument.default)
        ]

    def _set(self, **values: object) -> None:
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def as_dict(self) -> dict[str, object]:
        """The request fit for JSON: bytes as base64, names as a list.

        Fields that are only `stored_if_set` are left out at their defaults, the others never.
        """
        plain: dict[str, object] = {"kind": self.kind} if self.kind else {}
        values = self.__dict__
        for argument in self.row.requested:
            value = values[argument.field]
            if not argument.stored_if_set or not argument.is_default(value):
                plain[argument.stored_as] = _as_json(argument, value)
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> Self:
        """The inverse of as_dict, checked; fields with a default may be missing."""
        return cls(**cls._fields_of(plain))

    @classmethod
    def restored(cls, plain: Mapping[str, object]) -> Self:
        """The inverse of as_dict of a request that was checked before it was stored."""
        request = object.__new__(cls)
        values = cls._fields_of(plain)
        for argument in cls.row.fields:
            value = values.get(argument.field, argument.default)
            object.__setattr__(request, argument.field, value)
        return request

    @classmethod
    def kept_fields(cls, plain: Mapping[str, object], by: str) -> dict[str, Any]:
        """The fields of a stored request that a variation (VARY) or a change (CHANGE) repeats."""
        kept = {a.field for a in cls.row.fields if by in a.kept_by}
        return {field: value for field, value in cls._fields_of(plain).items() if field in kept}

    @classmethod
    def stored_fields(cls, plain: Mapping[str, object]) -> dict[str, Any]:
        """The fields that a stored request sets to other than their defaults; ProtocolError."""
        found = cls._fields_of(plain)
        return {
            argument.field: found[argument.field]
            for argument in cls.row.fields
            if argument.field in found and not argument.is_default(found[argument.field])
        }

    @classmethod
    def _fields_of(cls, plain: Mapping[str, object]) -> dict[str, Any]:
        known = {
            name.replace("-", "_"): argument
            for argument in cls.row.fields
            for name in (argument.name, *argument.aliases)
            if argument.in_request
        }
        found: dict[str, Any] = {}
        for name, value in plain.items():
            if name == "kind" and value == cls.kind:
                continue
            if name not in known:
                raise ProtocolError(Code.UNKNOWN_KEY, f"{shown(name)} is not a field of a request")
            found[known[name].field] = from_json(known[name], value)
        for argument in cls.row.fields:
            if argument.is_required and argument.in_request and argument.field not in found:
                raise refusal(argument.field, " is missing", Code.MISSING_ARGUMENT)
        return found


def sent(argument: Arg, value: Any) -> object:
    """The value as OSC carries it: names joined by commas, a flag as 0 or 1."""
    if argument.kind == "names":
        return ",".join(value)
    return int(value) if argument.kind == "flag" else value


def _arguments(cls: type) -> list[Arg]:
    """The annotated fields of a message's class, in their order."""
    found = []
    annotations: dict[str, Any] = {}
    for each in reversed(cls.__mro__):  # a request that takes what another takes, inherits it
        annotations |= inspect.get_annotations(each)
    for field, annotation in annotations.items():
        metadata = [
            each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, Arg)
        ]
        if metadata:
            default = getattr(cls, field, REQUIRED)
            found.append(bound(metadata[0], field, _kind(annotation.__origin__), default))
    return found


def _kind(python_type: Any) -> str:
    if isinstance(python_type, UnionType):  # a number, or None for none
        python_type = get_args(python_type)[0]
    return KINDS[getattr(python_type, "__origin__", python_type)]


def _as_json(argument: Arg, value: Any) -> object:
    if argument.kind == "bytes":
        return base64.b64encode(value).decode("ascii")
    return list(value) if argument.kind == "names" else value


def from_json(argument: Arg, value: object) -> object:
    """Return a value of JSON as the field has it: bytes of base64, names as a tuple."""
    if argument.kind == "bytes" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            raise refusal(argument.field, " must be base64") from None
    return tuple(value) if argument.kind == "names" and isinstance(value, list) else value
