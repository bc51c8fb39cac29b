"""The JSON schema of the orders, made of the table."""

from __future__ import annotations

from typing import Any

from osc_protocol.argument import Arg
from osc_protocol.message import json_name
from osc_protocol.messages import ORDERS, AnyOrder

TYPES = {"int": "integer", "float": "number", "flag": "boolean", "bytes": "string"}


def schema() -> dict[str, Any]:
    """Return a schema (2020-12) of what an order's as_dict() gives, one definition a kind."""
    definitions = {kind or "generate": _order(order) for kind, order in ORDERS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Orders that backline carries out",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
        "$defs": definitions,
    }


def _order(order: type[AnyOrder]) -> dict[str, Any]:
    arguments = [a for a in order.row.fields if a.in_order]
    properties = {json_name(a): _property(a) for a in arguments}
    required = [json_name(a) for a in arguments if a.is_required]
    if order.kind:
        properties["kind"] = {"const": order.kind}
        required.append("kind")
    return {
        "type": "object",
        "description": order.row.about,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _property(argument: Arg) -> dict[str, Any]:
    unit = f" ({argument.unit})" if argument.unit else ""
    found: dict[str, Any] = {"description": argument.about + unit}
    if argument.kind == "names":
        found |= {"type": "array", "items": {"enum": list(argument.choices)}, "uniqueItems": True}
        default: object = list(argument.default)  # type: ignore[call-overload]  # names have one
        return found | {"minItems": 1, "default": default}
    found["type"] = TYPES.get(argument.kind, "string")
    if argument.kind == "bytes":
        found["contentEncoding"] = "base64"
    if argument.choices:
        found["enum"] = [int(c) if argument.kind == "int" else c for c in argument.choices]
    limits = {"minimum": argument.low, "maximum": argument.high}
    found |= {name: limit for name, limit in limits.items() if limit is not None}
    if argument.pattern:
        found["pattern"] = f"^({argument.pattern})?$"
    if argument.default is None:
        found["type"] = [found["type"], "null"]
    elif not argument.is_required and argument.kind != "bytes":
        found["default"] = argument.default
    return found
