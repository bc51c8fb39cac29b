"""The JSON schema of the requests, made of the table."""

from __future__ import annotations

from typing import Any

from osc_protocol.argument import Arg
from osc_protocol.message import json_name
from osc_protocol.messages import REQUESTS, AnyRequest

TYPES = {"int": "integer", "float": "number", "flag": "boolean", "bytes": "string"}


def schema() -> dict[str, Any]:
    """Return a schema (2020-12) of what a request's as_dict() gives, one definition a kind."""
    definitions = {kind or "generate": _request(request) for kind, request in REQUESTS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Requests that backline carries out",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
        "$defs": definitions,
    }


def _request(request: type[AnyRequest]) -> dict[str, Any]:
    arguments = [a for a in request.row.fields if a.in_request]
    properties = {json_name(a): _property(a) for a in arguments}
    required = [json_name(a) for a in arguments if a.is_required]
    if request.kind:
        properties["kind"] = {"const": request.kind}
        required.append("kind")
    return {
        "type": "object",
        "description": request.row.about,
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
