"""The OpenAPI 3.1 document: bodies, answers and events as the table has them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from daemon.front_ends.http.orders import body_schema, kinds
from daemon.front_ends.http.problems import MEDIA_TYPE, SCHEMA
from daemon.front_ends.http.table_json import event_name, message_schema
from daemon.web_address import MAX_ADDRESS_BYTES
from osc_protocol.jobs import Finished, JobReply, JobsItem, Progress, Queued, Started, StemReady
from osc_protocol.message import Message

EVENTS: tuple[type[Message], ...] = (Queued, Started, Progress, StemReady, Finished)
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Refused",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
BODY: dict[str, Any] = {
    "parameters": [
        {"name": "Idempotency-Key", "in": "header", "description": "id of the request, the rid",
         "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"}},
        {"name": "Backline-Webhook", "in": "header",
         "description": "where the end of the job is posted, signed; off without --webhook-target",
         "schema": {"type": "string", "format": "uri", "maxLength": MAX_ADDRESS_BYTES}},
    ],
    "requestBody": {"required": True, "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Order"}}}},
}  # fmt: skip
EVENT_STREAM: dict[str, Any] = {
    "description": "Events, each with its number as id; progress has none",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


def answer(description: str, schema: str = "") -> dict[str, Any]:
    """Return the description of an answer in JSON, by the name of its schema."""
    content = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"}
    return {"description": description, "content": {"application/json": {"schema": content}}}


ANSWERS = {
    "Job": answer("The job", "Job"),
    "Jobs": answer("Jobs, newest first"),
    "Checked": answer("dry_run: the request as it would be carried out"),
    "Cancelled": answer("What became of it"),
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document of the app's routes, once made."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, routes=app.routes, description=app.description
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        bodies = {f"Order_{kind}": body_schema(kind, request) for kind, request in kinds().items()}
        schemas |= bodies
        schemas["Order"] = {
            "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in bodies],
            "discriminator": {
                "propertyName": "kind",
                "mapping": {kind: f"#/components/schemas/Order_{kind}" for kind in kinds()},
            },
        }
        schemas["Problem"] = SCHEMA
        schemas["Job"] = message_schema(JobsItem, JobReply, left_out=("rid", "index"))
        for kind in EVENTS:
            schemas[f"Event_{event_name(kind)}"] = message_schema(kind)
        app.openapi_schema = made
    return app.openapi_schema
