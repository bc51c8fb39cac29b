"""The protocol page, made of the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from midi.curve import MAX_POINTS
from midi.sections import MAX_SECTION_BYTES, TAGS
from osc_protocol import codec
from osc_protocol.argument import Arg
from osc_protocol.errors import Code
from osc_protocol.grammar import MAX_PING_ARGUMENTS
from osc_protocol.message import sent
from osc_protocol.messages import CLASSES, TABLE, Generate, Plan, Row
from osc_protocol.protocol import DEFAULT_PORT

LISTENER_PORT = 9902  # of the examples


def protocol_page() -> str:
    """Return the page: protocol_page.md.in with the parts and limits of the table."""
    parts: dict[str, object] = {
        "COMMANDS": _commands(),
        "GENERATE_KEYS": _keys("## Keys of generate", Generate.row.keys),
        "REPLIES": _messages("## Replies", "reply"),
        "EVENTS": _messages("## Events", "event"),
        "ERRORS": _errors(),
        "DEFAULT_PORT": DEFAULT_PORT,
        "LISTENER_PORT": LISTENER_PORT,
        "MAX_ADDRESS_BYTES": codec.MAX_ADDRESS_BYTES,
        "MAX_ARGUMENTS": codec.MAX_ARGUMENTS,
        "MAX_DATAGRAM_BYTES": codec.MAX_DATAGRAM_BYTES,
        "MAX_DEPTH": codec.MAX_DEPTH,
        "MAX_ELEMENTS": codec.MAX_ELEMENTS,
        "MAX_POINTS": MAX_POINTS,
        "MAX_SECTION_BYTES": MAX_SECTION_BYTES,
        "TAGS": ", ".join(TAGS[:8]) + ",\n    " + ", ".join(TAGS[8:]),
    }
    text = (Path(__file__).parent / "protocol_page.md.in").read_text(encoding="utf-8")
    return re.sub(r"\{([A-Z_]+)\}", lambda found: str(parts[found[1]]).rstrip("\n"), text)


def _commands() -> str:
    rows = [row for row in TABLE if row.direction == "command"]
    lines = [
        "## Commands",
        "",
        *_table(
            ("address", "tags", "arguments", "answer", "what it does"),
            (
                (
                    f"`{row.address}`",
                    f"`{_tags(row)}`" if row.tags else "any",
                    _arguments(row) or f"at most {MAX_PING_ARGUMENTS} of any kind",
                    ", ".join(f"`{CLASSES[name].row.address}`" for name in row.answers),
                    row.about,
                )
                for row in rows
            ),
        ),
        "",
        "`generate` may carry "
        + ", ".join(Generate.row.frozen)
        + " by position right after the rid (`sfsfs`), and keys after that; or the rid and keys "
        "alone. A key given by position must not come again.",
        "",
    ]
    for row in rows:
        if row.keys is Plan.row.keys:
            lines += ["### Keys of plan", "", "Those of generate.", ""]
        elif row.keys and row.name != "Generate":
            lines.append(_keys(f"### Keys of {row.address.rpartition('/')[2]}", row.keys))
    return "\n".join(lines)


def _keys(title: str, keys: Sequence[Arg]) -> str:
    table = _table(
        ("key", "type", "unless given", "limits", "meaning"),
        (
            (
                " or ".join(f"`{name}`" for name in (a.name, *a.aliases)),
                f"`{a.tag}`",
                "must be given" if a.is_required else _shown(a),
                _limits(a),
                a.about,
            )
            for a in keys
        ),
    )
    return "\n".join((title, "", *table, ""))


def _messages(title: str, direction: str) -> str:
    table = _table(
        ("address", "tags", "arguments", "when"),
        (
            (f"`{row.address}`", f"`{row.tags or 'any'}`", _arguments(row), row.about)
            for row in TABLE
            if row.direction == direction
        ),
    )
    shown = [row for row in TABLE if row.direction == direction]
    meanings = {(a.name, a.about, _values(a)) for row in shown for a in row.args}
    glossary = _table(
        ("argument", "meaning", "values"),
        ((f"`{name}`", about, values) for name, about, values in sorted(meanings)),
    )
    return "\n".join((title, "", *table, "", *glossary, ""))


def _errors() -> str:
    table = _table(
        ("code", "symbol", "meaning"),
        ((str(int(code)), f"`{code.symbol}`", code.meaning) for code in Code),
    )
    return "\n".join(
        (
            "## Errors",
            "",
            "The message says in one sentence which argument, which value, which limit. Codes",
            "never change their meaning.",
            "",
            *table,
            "",
        )
    )


def _arguments(row: Row) -> str:
    names = [a.name if _must_stand(row, a) else f"[{a.name}]" for a in row.args]
    return ", ".join((*names, *row.frozen))


def _must_stand(row: Row, argument: Arg) -> bool:
    return argument.is_required or row.button or argument.kind == "rid"


def _limits(argument: Arg) -> str:
    unit = f" {argument.unit}" if argument.unit else ""
    if argument.kind == "rid":
        return "see Requests and answers"
    if argument.kind == "flag":
        return "0 or 1"
    if argument.kind == "path":
        return "absolute path on the daemon's machine"
    if argument.kind not in ("int", "float", "target"):
        return ", ".join(argument.choices) or f"at most {argument.max_bytes} bytes"
    if argument.choices:
        return ", ".join(argument.choices) + unit
    if argument.low is None:
        return unit.strip()
    if argument.high is None:
        return f"{argument.low} or more{unit}"
    return f"{argument.low} to {argument.high}{unit}"


def _values(argument: Arg) -> str:
    """What the daemon sends: a limit on the length of text says nothing to those who read it."""
    has_limits = bool(argument.choices) or argument.kind in ("int", "float", "flag")
    return _limits(argument) if has_limits else ""


def _tags(row: Row) -> str:
    by_name = {a.name: a.tag for a in row.keys}
    return row.tags + "".join(by_name[name] for name in row.frozen)


def _shown(argument: Arg) -> str:
    if argument.default in (None, "", b""):
        return argument.unset
    return str(sent(argument, argument.default))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]
