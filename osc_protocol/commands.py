"""What clients send, one frozen dataclass for each command of the table.

What a command and its fields mean stands in osc_protocol.addresses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from pathlib import PurePath
from typing import cast

from audio.stem_names import STEMS
from midi.errors import GridError
from midi.grid import Meter
from osc_protocol.addresses import GENERATE_KEYS, PROTOCOL_MAJOR
from osc_protocol.checks import check
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate_request import GenerateRequest, ordered_stems
from osc_protocol.message import Message
from osc_protocol.sound_shaping import loras_of
from osc_protocol.split_request import SplitRequest
from osc_protocol.timed_tags import is_timed, length_in_bars


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """Are you there? `args` come back; `tags` are their type tags; /ping has a short address."""

    args: tuple[object, ...] = ()
    tags: str = ""
    address: str = "/backline/ping"


@dataclass(frozen=True, slots=True)
class Hello(Message):
    rid: str
    client: str
    id: str = ""
    proto: int = PROTOCOL_MAJOR
    port: int = 0


@dataclass(frozen=True, slots=True)
class QueryVersion(Message):
    rid: str = ""


@dataclass(frozen=True, slots=True)
class QueryStatus(Message):
    rid: str = ""


@dataclass(frozen=True, slots=True)
class Sync(Message):
    rid: str


@dataclass(frozen=True, slots=True)
class Notify(Message):
    rid: str
    on: bool
    port: int = 0
    lease: int = 60
    scope: str = "host"
    style: str = "events"
    rate: int = 10


@dataclass(frozen=True, slots=True)
class Generate(Message):
    """An order: `parameters` as they were asked for, by their names on the wire.

    `request` is the order they make. `digest` is the same for the same parameters, in whatever
    form or order they were sent, and tells a repeated datagram from another order under its rid;
    a seed that was drawn does not count.
    """

    rid: str
    parameters: Mapping[str, object]
    request: GenerateRequest = field(init=False, compare=False)
    dry_run: bool = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rid", check(self.row().args[0], self.rid))
        unknown = set(self.parameters) - {argument.name for argument in GENERATE_KEYS}
        if unknown:
            name = min(unknown)
            raise ProtocolError(Code.UNKNOWN_KEY, f"{name} is not a key of generate", name)
        asked = {}
        for argument in GENERATE_KEYS:
            if argument.name in self.parameters:
                asked[argument.name] = check(argument, self.parameters[argument.name])
            elif argument.is_required:
                raise ProtocolError(
                    Code.MISSING_ARGUMENT, f"{argument.name} is missing", argument.name
                )
        object.__setattr__(self, "parameters", asked)
        object.__setattr__(self, "dry_run", bool(asked.get("dry-run", False)))
        object.__setattr__(self, "request", _order(asked))
        plain = self.request.as_dict() | {"seed": asked.get("seed")}
        object.__setattr__(self, "digest", _digest(plain))

    @classmethod
    def of(cls, rid: str, request: GenerateRequest, *, dry_run: bool = False) -> Generate:
        """Put a request into a message, with its seed: sent again, it is the same order."""
        parameters: dict[str, object] = {"dry-run": True} if dry_run else {}
        for argument in GENERATE_KEYS:
            value = getattr(request, argument.field, argument.default)
            if argument.name == "stems":
                value = ",".join(cast("tuple[str, ...]", value))
            if value != argument.default:
                parameters.setdefault(argument.name, value)
        return cls(rid, parameters)


@dataclass(frozen=True, slots=True)
class Split(Message):
    """An order to split: `request` is what it asks for, `digest` as in Generate."""

    rid: str
    path: str
    stems: str = ",".join(STEMS)
    model: str = ""
    loop: bool = False
    format: str = "wav32f"
    from_seconds: float = 0.0
    length_seconds: float = 0.0
    at_seconds: float = 0.0
    at_beats: float = 0.0
    dry_run: bool = False

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        _check_absolute("path", self.path)
        object.__setattr__(self, "stems", ",".join(self.request.stems))

    @property
    def request(self) -> SplitRequest:
        """The order its fields make; raises ProtocolError."""
        return SplitRequest(
            self.path, ordered_stems(self.stems), self.model, self.loop, self.from_seconds,
            self.length_seconds, self.at_seconds, self.at_beats, self.format,
        )  # fmt: skip

    @property
    def digest(self) -> str:
        """The same for the same parameters."""
        return _digest(self.request.as_dict())

    @classmethod
    def of(cls, rid: str, request: SplitRequest, *, dry_run: bool = False) -> Split:
        """Put a request into a message."""
        values = request.as_dict() | {"stems": ",".join(request.stems)}
        del values["kind"]
        return cls(rid, **values, dry_run=dry_run)  # type: ignore[arg-type]  # it checks each


@dataclass(frozen=True, slots=True)
class Cancel(Message):
    rid: str = ""
    target: str | int = 0


@dataclass(frozen=True, slots=True)
class QueryJob(Message):
    rid: str
    target: str | int


@dataclass(frozen=True, slots=True)
class QueryJobs(Message):
    rid: str
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class QueryStems(Message):
    rid: str
    target: str | int


@dataclass(frozen=True, slots=True)
class Quit(Message):
    rid: str
    mode: str = "now"


def _order(asked: Mapping[str, object]) -> GenerateRequest:
    """Turn the message's parameters into a request: a length in seconds becomes bars."""
    values = {a.field: asked[a.name] for a in GENERATE_KEYS if a.name in asked}
    values.pop("dry_run", None)
    seconds = values.pop("seconds", 0.0)
    for name in ("melody-path", "source", "midi-path", "audio-path", "reference-path"):
        _check_absolute(name, str(asked.get(name, "")))
    for path, _ in loras_of(str(asked.get("loras", ""))):
        _check_absolute("loras", path)
    if seconds:
        for other in ("bars", "tempo-map", "meter-map"):
            if other in asked:
                raise ProtocolError(
                    Code.OUT_OF_RANGE, f"seconds and {other}: give one of them, not both", "seconds"
                )
        values["bars"] = _nearest_bars(asked)
    elif is_timed(str(asked.get("tags", ""))) and "bars" not in asked:
        bars = length_in_bars(*_timed(asked))
        values |= {} if bars is None else {"bars": bars}
    return GenerateRequest(**values)  # type: ignore[arg-type]  # checked by the table


def _timed(asked: Mapping[str, object]) -> tuple[str, Fraction, str]:
    return str(asked["tags"]), Fraction(str(asked["bpm"])), str(asked.get("meter", "4/4"))


def _nearest_bars(asked: Mapping[str, object]) -> int:
    if is_timed(str(asked.get("tags", ""))):
        return length_in_bars(*_timed(asked), Fraction(str(asked["seconds"]))) or 1
    try:
        meter = Meter.parse(str(asked.get("meter", "4/4")))
    except GridError as error:
        raise ProtocolError(Code.OUT_OF_RANGE, str(error), "meter") from None
    beats = Fraction(str(asked["seconds"])) * Fraction(str(asked["bpm"])) / 60
    return max(1, (beats / meter.beats + Fraction(1, 2)).__floor__())


def _check_absolute(name: str, path: str) -> None:
    if path and not PurePath(path).is_absolute():
        raise ProtocolError(
            Code.PATH_FORBIDDEN,
            f"{name} must be an absolute path: the daemon runs in another folder",
            name,
        )


def _digest(plain: Mapping[str, object]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8")).hexdigest()
