"""The table as a Lua module, for the scripts in REAPER."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from audio.stem_names import LEADS, STEMS
from osc_protocol.argument import VARY, Arg
from osc_protocol.errors import Code
from osc_protocol.message import sent
from osc_protocol.messages import TABLE, Generate, Plan, Row
from osc_protocol.protocol import DEFAULT_PORT, PROTOCOL_MAJOR, PROTOCOL_MINOR

MAX_COLUMNS = 110
HEAD = """\
-- The protocol, for the scripts: written by `python -m docs.pages`, not by hand.
--
-- commands, replies and events are by address without /backline/ (replies that share an address by
-- what they answer); args lists what stands by position, keys what may follow as name and value.
return """


def lua_module() -> str:
    """Return the module's text."""
    tables = {
        "major": PROTOCOL_MAJOR,
        "minor": PROTOCOL_MINOR,
        "port": DEFAULT_PORT,
        "stems": list(STEMS),
        "leads": list(LEADS),
        "engines": list(_key("engine").choices),
        "formats": list(_key("format").choices),
        "errors": {code.symbol: int(code) for code in Code},
        "commands": _messages("command"),
        "replies": _messages("reply"),
        "events": _messages("event"),
    }
    return HEAD + "\n".join(_lines(tables)) + "\n"


def _key(name: str) -> Arg:
    return next(a for a in Generate.row.keys if a.name == name)


def _messages(direction: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in TABLE:
        if row.direction == direction:
            name = row.address.removeprefix("/backline/")
            found[row.name if name in found or name == "done" else name] = _message(row)
    return found


def _message(row: Row) -> dict[str, Any]:
    message: dict[str, Any] = {"address": row.address, "args": [a.name for a in row.args]}
    message["tags"] = row.tags
    if row.keys and row is not Plan.row:  # whose keys are those of generate
        message["keys"] = {a.name: _limits(a) for a in row.keys}
    return message


def _limits(argument: Arg) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": argument.kind, "tag": argument.tag}
    if not argument.is_required and argument.default not in (None, b""):
        found["default"] = sent(argument, argument.default)
    elif argument.unset.isdecimal():
        found["default"] = int(argument.unset)
    for name in ("low", "high", "max_bytes"):
        limit = getattr(argument, name)
        if limit is not None and (name != "max_bytes" or argument.tag in "sb"):
            found[name] = limit
    if argument.choices:
        found["choices"] = list(argument.choices)
    if VARY in argument.kept_by and argument.in_request:
        found["kept"] = True
    return found


def _lines(value: object, indent: str = "", name: str = "") -> Iterator[str]:
    """The lines of a Lua value, named where it lies in a table; what fits is on one line."""
    start, end = (f"{indent}{_name(name)} = ", ",") if name else (indent, "")
    line = start + _short(value) + end
    if len(line) <= MAX_COLUMNS:
        yield line
        return
    if not isinstance(value, Mapping):
        yield from textwrap.wrap(
            line, MAX_COLUMNS, subsequent_indent=indent + "  ", break_on_hyphens=False
        )
        return
    yield start + "{"
    for inner, each in value.items():
        yield from _lines(each, indent + "  ", inner)
    yield indent + "}" + end


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_name(n)} = {_short(v)}" for n, v in value.items()) + " }"
    if isinstance(value, list):
        return "{ " + ", ".join(map(_short, value)) + " }"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(name: str) -> str:
    return name if name.isidentifier() and name not in ("end", "for", "in") else f'["{name}"]'
