"""What JSON may stand for a field of the table, as a JSON schema (2020-12)."""

from __future__ import annotations

from typing import Any

from osc_protocol.argument import Arg

TYPES = {"int": "integer", "float": "number", "flag": "boolean", "bytes": "string"}


def property_schema(argument: Arg) -> dict[str, Any]:
    """Return the schema of one field: its type, limits, choices, default and meaning."""
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
