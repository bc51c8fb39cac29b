"""What a variation of a request keeps of it, as REAPER's scripts write it down and send it."""

from __future__ import annotations

from dataclasses import MISSING, fields

from osc_protocol.generate_request import GenerateRequest

Setting = tuple[str, str, object]  # name on the wire, OSC type tag, value

_NOT_KEPT = frozenset(
    {"seed", "melody", "source", "source_take", "bar_range", "midi_path", "audio_path", "edit",
     "parts"}
)  # fmt: skip
_LEFT_TO_THE_DAEMON = ("", 0, None, "wav32f")  # defaults that say nothing to the scripts


def settings(request: GenerateRequest) -> list[Setting]:
    """Return each setting of `request` that a variation keeps.

    Left out is what is the default, where that is empty or the daemon's own format. Other defaults
    are written, since the scripts have defaults of their own.
    """
    found: list[Setting] = []
    for each in fields(GenerateRequest):
        value = getattr(request, each.name)
        is_default = each.default is not MISSING and value == each.default
        if each.name in _NOT_KEPT or (is_default and each.default in _LEFT_TO_THE_DAEMON):
            continue
        name = each.name.replace("_", "-")
        if isinstance(value, tuple):
            found.append((name, "s", ",".join(value)))
        elif isinstance(value, int):
            found.append((name, "i", int(value)))
        else:
            found.append((name, "d" if isinstance(value, float) else "s", value))
    return found
