"""The version of the program, for manifests and for whoever asks."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def backline_version() -> str:
    """Return the installed version, or "unknown" where the program is not installed."""
    try:
        return version("backline")
    except PackageNotFoundError:
        return "unknown"
