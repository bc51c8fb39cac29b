"""Writes the files that are made of the table: python -m osc_protocol.generated [--check]."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from osc_protocol.document import document
from osc_protocol.lua_table import lua_table
from osc_protocol.request_schema import schema

ROOT = Path(__file__).resolve().parent.parent
FILES: Mapping[str, Callable[[], str]] = {
    "docs/guide/protocol.md": document,
    "docs/guide/requests.schema.json": lambda: json.dumps(schema(), indent=2) + "\n",
    "reaper_scripts/lib/protocol.lua": lua_table,
}


def stale() -> list[str]:
    """Return the files that are not what the table says."""
    return [name for name, made in FILES.items() if _text_of(ROOT / name) != made()]


def main() -> int:
    """Write the files, or with --check only say which are stale."""
    names = stale()
    for name in names:
        if "--check" in sys.argv[1:]:
            print(f"{name} is stale: run python -m osc_protocol.generated")
        else:
            (ROOT / name).write_text(FILES[name](), encoding="utf-8", newline="\n")
            print(f"wrote {name}")
    return 1 if names and "--check" in sys.argv[1:] else 0


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
