"""Writes the files that are made of the tables: python -m docs.pages [--check]."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.pages import manifest_schema, request_schema
from docs.pages.lua_module import lua_module
from docs.pages.protocol_page import protocol_page

ROOT = Path(__file__).resolve().parents[2]
FILES: Mapping[str, Callable[[], str]] = {
    "docs/guide/protocol.md": protocol_page,
    "docs/guide/requests.schema.json": lambda: _json(request_schema.schema()),
    "docs/guide/manifest.schema.json": lambda: _json(manifest_schema.schema()),
    "reaper_scripts/lib/protocol.lua": lua_module,
}


def stale() -> list[str]:
    """Return the files that are not what the table says."""
    return [name for name, made in FILES.items() if _text_of(ROOT / name) != made()]


def main() -> int:
    """Write the files, or with --check only say which are stale."""
    names = stale()
    for name in names:
        if "--check" in sys.argv[1:]:
            print(f"{name} is stale: run python -m docs.pages")
        else:
            (ROOT / name).write_text(FILES[name](), encoding="utf-8", newline="\n")
            print(f"wrote {name}")
    return 1 if names and "--check" in sys.argv[1:] else 0


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
