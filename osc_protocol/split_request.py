"""What is asked of a splitter: which sound, which part of it, which stems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from audio.stem_names import STEMS
from osc_protocol.addresses import BY_NAME
from osc_protocol.checks import check, shown
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate_request import ordered_stems

KIND = "split"  # in as_dict(), which is what tells it from a GenerateRequest
_ARGUMENTS = {a.field: a for a in BY_NAME["Split"].fields if a.name not in ("rid", "dry-run")}


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """An order to split a sound file; kinds, limits and meanings of its fields are SPLIT_KEYS'.

    `stems` are put into the order of STEMS, `model` "" is the best splitter that is installed,
    `length_seconds` 0 reaches to the end of the file. Raises ProtocolError naming the field.
    """

    path: str
    stems: tuple[str, ...] = STEMS
    model: str = ""
    loop: bool = False
    from_seconds: float = 0.0
    length_seconds: float = 0.0
    at_seconds: float = 0.0
    at_beats: float = 0.0
    format: str = "wav32f"

    def __post_init__(self) -> None:
        for name, argument in _ARGUMENTS.items():
            value = getattr(self, name)
            value = ordered_stems(value) if name == "stems" else check(argument, value)
            object.__setattr__(self, name, value)
        if not self.path:
            raise ProtocolError(Code.MISSING_ARGUMENT, "path must name a sound file", "path")
        if self.at_beats and self.at_seconds:
            raise ProtocolError(
                Code.OUT_OF_RANGE, "at-beats and at-seconds: give one of them, not both", "at-beats"
            )

    def as_dict(self) -> dict[str, object]:
        """All fields and its kind, fit for JSON: the stems as a list."""
        plain: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": KIND, **plain, "stems": list(self.stems)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> SplitRequest:
        """The inverse of as_dict; fields with a default may be missing."""
        values = {name: value for name, value in plain.items() if name != "kind"}
        for name in values:
            if name not in _ARGUMENTS:
                raise ProtocolError(Code.UNKNOWN_KEY, f"{shown(name)} is not a field of a request")
        if "path" not in values:
            raise ProtocolError(Code.MISSING_ARGUMENT, "path is missing", "path")
        return cls(**values)  # type: ignore[arg-type]  # checked in __post_init__
