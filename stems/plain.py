"""Dataclasses as plain JSON values, and back.

A field that is None is left out where None is its default, and keys that no field has are ignored,
so that a dataclass may gain fields. A field with the metadata OPEN is a mapping whose entries stand
beside the other fields; with EMPTY, None is written as {}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

OPEN: Mapping[str, str] = MappingProxyType({"json": "open"})
EMPTY: Mapping[str, str] = MappingProxyType({"json": "empty"})


def as_plain(value: object) -> Any:
    """Return dataclasses, mappings and tuples as dicts and lists, down to the leaves."""
    if is_dataclass(value):
        plain: dict[str, object] = {}
        for each in fields(value):
            found = getattr(value, each.name)
            if is_open(each):
                plain |= as_plain(found)
            elif found is not None or each.default is not None:
                plain[each.name] = {} if found is None and is_empty(each) else as_plain(found)
        return plain
    if isinstance(value, Mapping):
        return {str(name): as_plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_plain(each) for each in value]
    return value


def from_plain(kind: Any, data: object) -> Any:
    """Return what as_plain gave as `kind`: a dataclass, tuple, mapping, union or JSON value.

    Of a union the first dataclass whose required fields are all there, else the first other
    member that fits. Raises TypeError for data of another form.
    """
    if is_dataclass(kind):
        return _dataclass(kind, data)
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return from_plain(_member(args, data), data)
    if origin is tuple and isinstance(data, list | tuple):
        return tuple(from_plain(args[0], each) for each in data)
    if origin is Mapping and isinstance(data, Mapping):
        return {str(name): from_plain(args[1], each) for name, each in data.items()}
    wanted = {float: (int, float), Any: (object,)}.get(kind, (origin or kind,))
    if isinstance(data, wanted) and isinstance(data, bool) <= (kind in (bool, object, Any)):
        return data
    raise TypeError(f"{data!r:.40} is no {getattr(kind, '__name__', kind)}")


@cache
def types_of(kind: type) -> Mapping[str, Any]:
    """Return the type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def is_open(field: Field[Any]) -> bool:
    """Whether the entries of this mapping stand beside the other fields."""
    return field.metadata.get("json") == OPEN["json"]


def is_empty(field: Field[Any]) -> bool:
    """Whether None is written as {}."""
    return field.metadata.get("json") == EMPTY["json"]


def is_required(field: Field[Any]) -> bool:
    """Whether a field has no default, so that it is always written."""
    return field.default is MISSING and field.default_factory is MISSING


def _member(members: tuple[Any, ...], data: object) -> Any:
    """The member of a union that data is of; the last of them where none fits."""
    for each in members:
        if is_dataclass(each):
            if isinstance(data, Mapping) and all(
                field.name in data for field in fields(each) if is_required(field)
            ):
                return each
            continue
        try:
            from_plain(each, data)
        except TypeError:
            continue
        return each
    return members[-1]


def _dataclass(kind: Any, data: object) -> Any:
    if not isinstance(data, Mapping):
        raise TypeError(f"{data!r:.40} is no {kind.__name__}")
    values: dict[str, Any] = {}
    for each in fields(kind):
        if is_open(each):
            names = {other.name for other in fields(kind)}
            values[each.name] = {n: value for n, value in data.items() if n not in names}
        elif each.name in data:
            found = None if is_empty(each) and data[each.name] == {} else data[each.name]
            values[each.name] = from_plain(types_of(kind)[each.name], found)
        elif is_required(each):
            raise TypeError(f"{kind.__name__} lacks {each.name!r}")
    return kind(**values)
