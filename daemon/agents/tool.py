"""What a tool is: a name, what it does, what it takes, and how it is run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Report = Callable[[float, str], Awaitable[None]]  # how much is done, 0..1, and the stage


class ToolError(Exception):
    """A tool was refused or failed; one sentence."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool; `schema` is the JSON schema of its arguments.

    `run` gives a text or what is fit for JSON, raises ToolError or ProtocolError, and stops what it
    has begun when its task is cancelled.
    """

    name: str
    about: str
    schema: Mapping[str, Any]
    run: Callable[[Mapping[str, Any], Report], Awaitable[object]]
