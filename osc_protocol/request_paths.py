"""The files that a request names: which of its fields are paths stands in their kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TypeVar

from osc_protocol.audio_edits import lora_lines, loras_of
from osc_protocol.errors import Code, refusal
from osc_protocol.message import Message

Sent = TypeVar("Sent", bound=Message)


def paths_of(message: Message) -> Iterator[tuple[str, str]]:
    """Give each path that a message names, with its field."""
    for argument in message.row.paths:
        value = getattr(message, argument.field)
        if value and argument.kind == "path":
            yield argument.field, value
        elif value:
            yield from ((argument.field, path) for path, _ in loras_of(value))


def check_absolute(message: Message) -> None:
    """Refuse a relative path, which a daemon cannot follow; raises ProtocolError."""
    for field, path in paths_of(message):
        if not PurePath(path).is_absolute():
            absolute_only = " must be an absolute path: the daemon runs in another folder"
            raise refusal(field, absolute_only, Code.PATH_FORBIDDEN)


def absolute(text: str) -> str:
    """Return a path as seen from this process's folder, a home folder's ~ written out."""
    return str(Path(text).expanduser().absolute()) if text else ""


def with_absolute_paths(message: Sent) -> Sent:
    """Return the message with its paths as seen from this process's folder."""
    changes = {
        argument.field: PATH_TEXT[argument.kind](getattr(message, argument.field))
        for argument in message.row.paths
    }
    return replace(message, **changes)  # type: ignore[type-var]  # messages are dataclasses


# How the text of each kind that names paths is made absolute.
PATH_TEXT: dict[str, Callable[[str], str]] = {
    "path": absolute,
    "adapters": lambda text: lora_lines(
        tuple((absolute(path), scale) for path, scale in loras_of(text))
    ),
}
