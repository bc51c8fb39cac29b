"""Messages of the table as JSON: the fields' names with underscores."""

from __future__ import annotations

from typing import Any

from osc_protocol.argument import Arg
from osc_protocol.json_schema import property_schema
from osc_protocol.message import Message


def json_field(argument: Arg) -> str:
    """Return what a field is called in JSON."""
    return argument.name.replace("-", "_")


def event_name(kind: type[Message]) -> str:
    """Return what an event is called, as over OSC: queued, started, progress, stem, finished."""
    return kind.row.address.rpartition("/")[2]


def plain(message: Message, *left_out: str) -> dict[str, Any]:
    """Return a message's fields by their names in JSON."""
    return {
        json_field(argument): getattr(message, argument.field)
        for argument in message.row.fields
        if argument.name not in left_out
    }


def message_schema(*kinds: type[Message], left_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON schema of what plain() gives of messages, their fields together."""
    arguments = [a for kind in kinds for a in kind.row.fields if a.name not in left_out]
    return {
        "type": "object",
        "properties": {json_field(a): _without_default(property_schema(a)) for a in arguments},
        "required": sorted({json_field(a) for a in arguments}),
    }


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "default"}


def limits_of(argument: Arg) -> dict[str, object]:
    """Return what the table says a field may be."""
    found: dict[str, object] = {"kind": argument.kind}
    for name in ("low", "high", "unit", "pattern"):
        if getattr(argument, name) not in (None, ""):
            found[name] = getattr(argument, name)
    if argument.choices:
        found["choices"] = list(argument.choices)
    if argument.tag in "sb":
        found["max_bytes"] = argument.max_bytes
    return found
