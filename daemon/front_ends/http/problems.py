"""Refusals as problem details (RFC 9457): a sentence, and field, value and limit by themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from osc_protocol.checks import shown
from osc_protocol.errors import Code, ProtocolError, wire_name

MEDIA_TYPE = "application/problem+json"
STATUS = {
    Code.INTERNAL: 500,
    Code.UNKNOWN_ADDRESS: 404,
    Code.NOT_FOUND: 404,
    Code.QUEUE_FULL: 429,
    Code.RID_CONFLICT: 409,
    Code.PATH_FORBIDDEN: 403,
    Code.UNAUTHORIZED: 401,
    Code.TOO_LARGE: 413,
    Code.RATE_LIMITED: 429,
    Code.MODEL_UNAVAILABLE: 409,
    Code.OUT_OF_MEMORY: 507,
    Code.DISK_FULL: 507,
    Code.TIMEOUT: 504,
    Code.CANCELLED: 409,
    Code.SHUTTING_DOWN: 503,
    Code.GONE: 410,
}
OTHERWISE = 422  # what is wrong with a field
RETRY_SECONDS = 5


class SlowBody(ProtocolError):
    """A client sends nothing more of its request: its own timeout, not the daemon's."""


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "description": "urn:backline: and the error in words"},
        "title": {"type": "string", "description": "what such an error means"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "one sentence for a person"},
        "code": {"type": "integer", "description": "the number that OSC has for it"},
        "field": {"type": "string", "description": "which field or header is at fault, or empty"},
        "value": {"description": "what was given, shortened"},
        "limit": {"description": "what the field may be"},
        "instance": {"type": "string", "description": "id of this request in http.log"},
    },
    "required": ["type", "title", "status", "detail", "code", "field"],
}


def problem(
    error: ProtocolError,
    *,
    status: int = 0,
    value: object = None,
    limit: object = None,
    names: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the response to a refusal; `names` has the fields' names in JSON."""
    code = next((each for each in Code if each == error.code), Code.INTERNAL)
    slow = 408 if isinstance(error, SlowBody) else 0
    status = status or slow or STATUS.get(code, OTHERWISE)
    named = [json for name, json in (names or {}).items() if wire_name(name) == error.field]
    field = named[0] if named else error.field
    if names is not None and code is Code.UNKNOWN_KEY:  # of a body, where names have underscores
        field = field.replace("-", "_")
    body: dict[str, object] = {
        "type": f"urn:backline:{code.symbol}",
        "title": code.meaning,
        "status": status,
        "detail": error.in_words_of(names or {}),
        "code": int(code),
        "field": field,
    }
    if value is not None:
        body["value"] = value if isinstance(value, int | float) else shown(value)
    if limit is not None:
        body["limit"] = limit
    more = dict(headers or {})
    if status == 429:
        more.setdefault("Retry-After", str(RETRY_SECONDS))
    if status == 401:
        more.setdefault("WWW-Authenticate", "Bearer")
    text = json.dumps(body, ensure_ascii=True, allow_nan=True, default=str)
    return Response(text, status, headers=more, media_type=MEDIA_TYPE)
