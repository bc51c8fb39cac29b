"""Writes the files that are made of the tables: python -m docs.pages [--check]."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.pages import manifest_schema, request_schema
from docs.pages.lua_module import lua_module
from docs.pages.protocol_page import protocol_page
from docs.pages.touchosc_page import touchosc_xml

ROOT = Path(__file__).resolve().parents[2]
FILES: Mapping[str, Callable[[], str]] = {
    "docs/guide/protocol.md": protocol_page,
    "docs/guide/requests.schema.json": lambda: _json(request_schema.schema()),
    "docs/guide/manifest.schema.json": lambda: _json(manifest_schema.schema()),
    "reaper_scripts/lib/protocol.lua": lua_module,
    "examples/touchosc/backline.tosc": touchosc_xml,
}
COMPRESSED = ".tosc"


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
            path, data = ROOT / name, FILES[name]().encode()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(zlib.compress(data, 9) if path.suffix == COMPRESSED else data)
            print(f"wrote {name}")
    return 1 if names and "--check" in sys.argv[1:] else 0


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _text_of(path: Path) -> str:
    """Return what a file says; two libraries may compress the same text to other bytes."""
    data = path.read_bytes() if path.exists() else b""
    if path.suffix == COMPRESSED and data:
        data = zlib.decompress(data)
    return data.decode()


if __name__ == "__main__":
    sys.exit(main())
