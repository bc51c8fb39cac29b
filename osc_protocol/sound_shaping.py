"""How sounds that the user has shape what an engine of mixes plays: fields of a GenerateRequest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from osc_protocol.checks import shown
from osc_protocol.errors import Code, ProtocolError

EDITS = ("auto", "cover", "repaint", "extend", "lego", "extract", "complete")
WITH_PARTS: Mapping[str, int] = {"lego": 1, "extract": 1, "complete": 12}  # how many at most
PARTS = (
    "vocals", "backing_vocals", "drums", "bass", "guitar", "keyboard", "percussion", "strings",
    "synth", "fx", "brass", "woodwinds",
)  # fmt: skip
MAX_LORAS, MAX_LORA_SCALE = 4, 2.0
# What only an engine that hears sound can do anything with.
HEARING = ("audio_path", "reference_path", "loras", "language", "parts")


def edit_of(request: Any) -> str:
    """The edit that is asked for, or "" where there is no sound to edit.

    Left at auto it is a repaint where bars are named, else a cover.
    """
    if not request.audio_path:
        return ""
    if request.edit != "auto":
        return str(request.edit)
    return "repaint" if request.bar_range else "cover"


def parts_of(text: str) -> tuple[str, ...]:
    """Read "bass, drums"; raises ProtocolError."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in PARTS:
            _refuse("parts", f"must be among {', '.join(PARTS)}, not {shown(name)}")
    return names


def loras_of(text: str) -> tuple[tuple[str, float], ...]:
    """Read "path" or "path:scale" from each line; raises ProtocolError."""
    found = [lora_of(line) for line in text.splitlines() if line.strip()]
    if len(found) > MAX_LORAS:
        _refuse("loras", f"must be at most {MAX_LORAS} adapters, not {len(found)}")
    return tuple(found)


def lora_of(line: str) -> tuple[str, float]:
    """Read "path" or "path:scale", where the path may hold a colon; raises ProtocolError."""
    path, colon, last = line.strip().rpartition(":")
    try:
        scale = float(last) if colon else 1.0
    except ValueError:  # C:\\style.safetensors
        return line.strip(), 1.0
    if not 0 <= scale <= MAX_LORA_SCALE:
        _refuse("loras", f"must have scales from 0 to {MAX_LORA_SCALE:g}, not {last}")
    return (path, scale) if colon else (last, scale)


def check_shaping(request: Any) -> None:
    """Refuse with ProtocolError what cannot be of the fields of a GenerateRequest here."""
    if request.engine == "embedded":
        for field in HEARING:
            if getattr(request, field):
                name = field.replace("_", "-")
                _refuse(name, "needs engine ace-step: the embedded engine cannot do this")
    if request.audio_path and request.source:
        _refuse("audio-path", "and source: give one of them, not both")
    if request.edit != "auto" and not request.audio_path:
        _refuse("edit", f"{request.edit} needs a sound: give audio-path with it")
    parts, edit = parts_of(request.parts), edit_of(request)
    most = WITH_PARTS.get(edit, 0)
    if len(parts) > most or (most and not parts):
        wanted = {0: "be left out", 1: "name one part"}.get(most, "name one part or more")
        _refuse("parts", f"must {wanted} for {edit or 'a song'}, not {shown(request.parts)}")
    if request.bar_range and edit not in ("", "repaint"):
        _refuse("bar-range", f"must be left out for {edit}: only a repaint has bars of its own")
    if edit == "repaint" and not request.bar_range:
        _refuse("bar-range", "must name the bars to repaint, such as 5-8")
    loras_of(request.loras)


def _refuse(field: str, message: str) -> NoReturn:
    raise ProtocolError(Code.OUT_OF_RANGE, f"{field} {message}", field)
