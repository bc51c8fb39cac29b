"""OSCQuery: the addresses of the table as a tree of JSON, for programs that look for them.

What is sent as one value, a key of generate under /backline/draft/, is a node with its range.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from osc_protocol.argument import Arg
from osc_protocol.draft import DRAFT_KEYS, DRAFT_PREFIX
from osc_protocol.messages import TABLE, Row

NO_VALUE, WRITE_ONLY = 0, 2
ATTRIBUTES = ("FULL_PATH", "DESCRIPTION", "TYPE", "ACCESS", "RANGE", "UNIT", "CONTENTS")
Node = dict[str, Any]


def host_info(osc_port: int) -> dict[str, Any]:
    """Return what /?HOST_INFO answers: where OSC is, and which attributes nodes have."""
    return {
        "NAME": "backline",
        "OSC_PORT": osc_port,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": {
            "ACCESS": True, "DESCRIPTION": True, "RANGE": True, "UNIT": True,
            "VALUE": False, "CLIPMODE": False, "CRITICAL": False, "TAGS": False, "LISTEN": False,
            "PATH_CHANGED": False, "EXTENDED_TYPE": False,
        },
    }  # fmt: skip


def tree() -> Node:
    """Return the whole tree: each command of the table, and each key of generate by itself."""
    root = _container("/", "backline: stems from tempo, key, chords and melody")
    for row in TABLE:
        if row.direction == "command" and row.address:
            frozen = [row.key_names[name] for name in row.frozen]
            _put(root, row.address, _node(row.address, _about(row), [*row.args, *frozen]))
    for argument in {each.name: each for each in DRAFT_KEYS.values()}.values():
        address = DRAFT_PREFIX + argument.name
        _put(root, address, _node(address, argument.about, [argument]))
    return root


def node_at(path: str) -> Node | None:
    """Return the node of an address, or None."""
    found: Node | None = tree()
    for name in filter(None, path.split("/")):
        found = (found or {}).get("CONTENTS", {}).get(name)
    return found


def _about(row: Row) -> str:
    keys = f" Then name and value of: {', '.join(each.name for each in row.keys)}."
    return row.about + (keys if row.keys else "")


def _node(address: str, about: str, arguments: Iterable[Arg]) -> Node:
    found = list(arguments)
    return {
        "FULL_PATH": address,
        "DESCRIPTION": about,
        "ACCESS": WRITE_ONLY,
        "TYPE": "".join(each.tag for each in found),
        "RANGE": [_range(each) for each in found],
        "UNIT": [each.unit or None for each in found],
    }


def _range(argument: Arg) -> dict[str, Any] | None:
    if argument.kind == "flag":
        return {"MIN": 0, "MAX": 1}
    if argument.choices:
        is_number = argument.kind == "int"
        return {"VALS": [int(each) if is_number else each for each in argument.choices]}
    limits = {"MIN": argument.low, "MAX": argument.high}
    return {name: limit for name, limit in limits.items() if limit is not None} or None


def _container(address: str, about: str = "") -> Node:
    node: Node = {"FULL_PATH": address, "ACCESS": NO_VALUE, "CONTENTS": {}}
    return node | ({"DESCRIPTION": about} if about else {})


def _put(root: Node, address: str, node: Node) -> None:
    """Hang a node at its address; a command may have others below it."""
    place, path = root, ""
    *above, last = address.strip("/").split("/")
    for name in above:
        path += f"/{name}"
        place = place.setdefault("CONTENTS", {}).setdefault(name, _container(path))
    contents = place.setdefault("CONTENTS", {})
    below = contents.get(last, {}).get("CONTENTS")
    contents[last] = node | ({"CONTENTS": below} if below else {})
