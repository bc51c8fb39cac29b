"""A body of JSON as a request of the table: read strictly, its files found, checked whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from daemon.front_ends.http.table_json import json_field, limits_of
from osc_protocol.argument import Arg
from osc_protocol.audio_edits import lora_lines, loras_of
from osc_protocol.checks import shown
from osc_protocol.errors import Code, ProtocolError, named, refusal
from osc_protocol.json_schema import TYPES, property_schema
from osc_protocol.message import from_json
from osc_protocol.messages import REQUESTS, AnyRequest

FIRST_KIND = "generate"  # whose stored requests have no kind
HEADER_FIELDS = ("rid",)  # which a header gives
KIND_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,), "number": (int, float), "boolean": (bool,), "string": (str,),
}  # fmt: skip


class Refused(Exception):
    """A body that is refused, with what was given and what may be."""

    def __init__(self, error: ProtocolError, value: object = None, limit: object = None) -> None:
        super().__init__(error, value, limit)
        self.error, self.value, self.limit = error, value, limit


def kinds() -> dict[str, type[AnyRequest]]:
    """Return the requests by the `kind` that a body has."""
    return {kind or FIRST_KIND: request for kind, request in REQUESTS.items()}


def names_of(request: type[AnyRequest]) -> dict[str, str]:
    """Return the fields' names in JSON by their names in Python."""
    return {argument.field: json_field(argument) for argument in request.row.fields}


def body_schema(kind: str, request: type[AnyRequest]) -> dict[str, Any]:
    """Return the JSON schema of a body of that kind."""
    arguments = [a for a in request.row.fields if a.name not in HEADER_FIELDS]
    properties = {"kind": {"const": kind}} | {json_field(a): _property(a) for a in arguments}
    return {
        "type": "object",
        "description": request.row.about,
        "properties": properties,
        "required": ["kind", *(json_field(a) for a in arguments if a.is_required)],
        "additionalProperties": False,
    }


def _property(argument: Arg) -> dict[str, Any]:
    """The schema of a field, with what a form needs to offer it well."""
    more = {"x-kind": argument.kind, "x-group": argument.group}
    if argument.tag in "sb":
        more["x-max-bytes"] = argument.max_bytes  # type: ignore[assignment]  # a number
    return property_schema(argument) | more


def read_body(data: bytes) -> dict[str, Any]:
    """Read an object of JSON, each name once and no NaN; raises Refused."""
    try:
        plain = json.loads(data, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        sentence = f"the body must be JSON: {shown(str(error))}"
        raise Refused(ProtocolError(Code.BAD_TYPE, sentence, "body")) from None
    if not isinstance(plain, dict):
        sentence = "the body must be a JSON object"
        raise Refused(ProtocolError(Code.BAD_TYPE, sentence, "body"), plain, "an object")
    return plain


def read_order(plain: Mapping[str, Any], rid: str, find: Callable[[str], str]) -> AnyRequest:
    """Make the request of a body; `find` turns what names a file into its path. Raises Refused."""
    kind = plain.get("kind")
    request = kinds().get(kind) if isinstance(kind, str) else None
    if request is None:
        is_missing = "kind" not in plain
        sentence = f" must be one of {', '.join(kinds())}, not {shown(kind)}"
        code = Code.MISSING_ARGUMENT if is_missing else Code.OUT_OF_RANGE
        error = refusal("kind", " is missing" if is_missing else sentence, code)
        raise Refused(error, kind, list(kinds()))
    known = {
        name.replace("-", "_"): argument
        for argument in request.row.fields
        if argument.name not in HEADER_FIELDS
        for name in (argument.name, *argument.aliases)
    }
    values: dict[str, Any] = {"rid": rid}
    given: dict[str, object] = {}
    for name, value in plain.items():
        if name == "kind":
            continue
        argument = known.get(name)
        if argument is None:
            error = ProtocolError(Code.UNKNOWN_KEY, f"{shown(name)} is no field of {kind}", name)
            raise Refused(error, value)
        if argument.field in given:
            error = refusal(argument.field, " must stand only once, under one of its names")
            raise Refused(error, value)
        given[argument.field] = value
        values[argument.field] = _value(argument, value, find)
    for argument in request.row.fields:
        if argument.is_required and argument.field not in values:
            error = refusal(argument.field, " is missing", Code.MISSING_ARGUMENT)
            raise Refused(error, None, limits_of(argument))
    try:
        return request(**values)
    except ProtocolError as error:
        raise refused(error, request, given) from None


def refused(
    error: ProtocolError, request: type[AnyRequest], given: Mapping[str, object]
) -> Refused:
    """Return a refusal with the value that was given for its field and the limits of that."""
    for argument in request.row.fields:
        if error.field in (argument.name, argument.field):
            return Refused(error, given.get(argument.field), limits_of(argument))
    return Refused(error)


def _value(argument: Arg, value: object, find: Callable[[str], str]) -> object:
    """Return a field's value, of the type that JSON has for it, its files found."""
    if value is None and argument.default is None:
        return None
    if argument.kind == "names":
        is_right = isinstance(value, list) and all(isinstance(each, str) for each in value)
        wanted = "a list of names"
    else:
        wanted = TYPES.get(argument.kind, "string")
        is_right = isinstance(value, KIND_TYPES[wanted]) and (
            wanted == "boolean" or not isinstance(value, bool)
        )
        if wanted == "integer" and isinstance(value, float) and value.is_integer():
            is_right, value = True, int(value)
    if not is_right:
        error = refusal(argument.field, f" must be {wanted}, not {shown(value)}", Code.BAD_TYPE)
        raise Refused(error, value, limits_of(argument))
    try:
        if argument.kind == "path" and value:
            return find(str(value))
        if argument.kind == "adapters" and value:
            found = tuple((find(path), scale) for path, scale in loras_of(str(value)))
            return lora_lines(found)
        return from_json(argument, value)
    except ProtocolError as error:
        if not error.field:
            sentence = f"{named(argument.field)}: {error.message}"
            error = ProtocolError(error.code, sentence, argument.field)
        raise Refused(error, value, limits_of(argument)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
