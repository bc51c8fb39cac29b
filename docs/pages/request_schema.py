"""The JSON schema of the requests, made of the table."""

from __future__ import annotations

from typing import Any

from osc_protocol.json_schema import property_schema
from osc_protocol.messages import REQUESTS, AnyRequest


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
    properties = {a.stored_as: property_schema(a) for a in arguments}
    required = [a.stored_as for a in arguments if a.is_required]
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
