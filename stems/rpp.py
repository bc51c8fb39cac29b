"""The text form of REAPER projects: indented `KEY value ...` lines in chunks from `<TAG` to `>`.

What the lines mean follows the REAPER community's notes on state chunks and projects that
REAPER 7 saved.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from textwrap import wrap
from uuid import uuid4

LONG_VALUE_BYTES = 1_000  # REAPER writes long extension data in base64, at the latest from 3000 on


class RppLines:
    """The lines so far, and how deep the next one is indented."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def add(self, *lines: str) -> None:
        """Append lines to the open chunk."""
        self._lines += ["  " * self._depth + line for line in lines]

    def open(self, line: str) -> None:
        """Begin a chunk, such as "TRACK {GUID}"."""
        self.add(f"<{line}")
        self._depth += 1

    def close(self) -> None:
        """End the chunk that was opened last."""
        self._depth -= 1
        self.add(">")

    def save(self, path: Path) -> None:
        """Write all lines as UTF-8; raises OSError."""
        path.write_text("\n".join(self._lines) + "\n", encoding="utf-8", newline="\n")


def guid() -> str:
    """Make a new identity, "{8-4-4-4-12}".

    Random, for two results in one project must never share one: equal POOLEDEVTS, say, would
    make their MIDI items copies of each other.
    """
    return f"{{{str(uuid4()).upper()}}}"


def quoted(text: str) -> str:
    """Quote a value as REAPER does: by a mark it does not hold, a backtick giving way to '."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    for mark in "\"'`":
        if mark not in line:
            return f"{mark}{line}{mark}"
    return "`" + line.replace("`", "'") + "`"


def extension(key: str, facts: Mapping[str, object]) -> Iterator[str]:
    """Lines of extension data (P_EXT in scripts): JSON under one key, which nothing is lost of.

    The form is what REAPER 7.80 was seen to save: quoted, or in base64 where it is long.
    """
    text = json.dumps(facts, separators=(",", ":"))  # ASCII, so no line breaks either
    if len(text) > LONG_VALUE_BYTES:
        yield f"<BIN {key}"
        yield from ("  " + line for line in wrap(base64.b64encode(text.encode()).decode(), 128))
        yield ">"
    else:
        apart = text.replace("'", "\\u0027").replace("`", "\\u0060")  # the same JSON
        yield f"{key} '{apart}'"


def seconds_text(value: Fraction) -> str:
    """Write a time to 14 decimals: some ten orders of magnitude under a frame."""
    return f"{float(value):.14f}"


def bpm_text(value: Fraction) -> str:
    """Write a tempo to 14 digits, without trailing zeros."""
    return f"{float(value):.14g}"
