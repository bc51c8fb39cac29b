"""Spans of time and sizes as people write them: 30d, 12h, 20GB."""

from __future__ import annotations

import re

from daemon.errors import UsageError

SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
BYTES = {
    f"{prefix}{unit}".lower(): base**power
    for power, prefix in enumerate(("", "K", "M", "G", "T"))
    for unit, base in (("B", 1000), ("iB", 1024))
}


def seconds_of(option: str, text: str) -> float:
    """Return a span of time in seconds; raises UsageError naming the option."""
    return _amount(text, SECONDS, f"{option} must be a number of h, d, w or y, such as 30d")


def bytes_of(option: str, text: str) -> int:
    """Return a size in bytes; raises UsageError naming the option."""
    return round(_amount(text, BYTES, f"{option} must be a size such as 20GB or 500MB"))


def size_text(count: int) -> str:
    """Return bytes as people read them: 7.7 MB, 20 GB."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if unit != "B" else f"{count} B"


def _amount(text: str, units: dict[str, int], must: str) -> float:
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)\s*", text.lower())
    if not found or found[2] not in units:
        raise UsageError(f"{must}, not {text!r}")
    return float(found[1]) * units[found[2]]
