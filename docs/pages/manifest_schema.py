"""The JSON schema of manifests, made from the dataclasses that a manifest consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from stems.manifest import SCHEMA, Manifest
from stems.plain import is_empty, is_open, is_required, types_of

NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
NULL = {"type": "null"}

Schema = dict[str, Any]


def schema() -> Schema:
    """Return a schema (2020-12) of what Manifest.as_dict() gives, a definition for each part."""
    definitions: Schema = {}
    manifest = _object(Manifest, definitions)
    manifest["properties"] = {"schema": {"const": SCHEMA}, **manifest["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The manifest of a finished job",
        **manifest,
        "required": ["schema", *manifest["required"]],
        "$defs": definitions,
    }


def _object(kind: type, definitions: Schema) -> Schema:
    properties: Schema = {}
    for each in fields(kind):
        if is_open(each):
            for known in each.metadata.get("known", ()):
                properties |= _object(known, definitions)["properties"]
            continue
        members = _members(types_of(kind)[each.name], definitions)
        if is_empty(each):
            members[members.index(NULL)] = {"type": "object", "maxProperties": 0}
        elif each.default is None:  # never written
            members.remove(NULL)
        properties[each.name] = _any_of(members)
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": properties,
        "required": [each.name for each in fields(kind) if is_required(each)],
        "additionalProperties": any(is_open(each) for each in fields(kind)),
    }


def _of(kind: Any, definitions: Schema) -> Schema:
    if is_dataclass(kind):
        name = kind.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = _object(kind, definitions)  # type: ignore[arg-type]
        return {"$ref": f"#/$defs/{name}"}
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _any_of(_members(kind, definitions))
    if origin is tuple:
        return {"type": "array", "items": _of(args[0], definitions)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(args[1], definitions)}
    return {"type": NAMES[kind]} if kind in NAMES else {}


def _members(kind: Any, definitions: Schema) -> list[Schema]:
    is_union = get_origin(kind) in (Union, UnionType)
    return [_of(each, definitions) for each in (get_args(kind) if is_union else (kind,))]


def _any_of(members: list[Schema]) -> Schema:
    return members[0] if len(members) == 1 else {"anyOf": members}
