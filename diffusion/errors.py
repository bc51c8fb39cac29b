"""What can go wrong in an engine, and the one check that all its conditions share."""

from __future__ import annotations

from collections.abc import Collection


class EngineError(RuntimeError):
    """The engine cannot do what was asked; the message says why and what to do."""


class ModelError(EngineError):
    """Downloaded weights are missing, damaged or cannot be had; the message says what to do."""


class Cancelled(EngineError):
    """The user asked the engine to stop; nothing is wrong."""


def check_choice(what: str, value: str, choices: Collection[str]) -> None:
    """Raise EngineError naming the choices unless `value` is one of them."""
    if value not in choices:
        raise EngineError(f"{what} must be one of {', '.join(choices)}, not {value!r}")
