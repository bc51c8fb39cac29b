"""The text of the fields that name parts of an edit and LoRA adapters."""

from __future__ import annotations

from diffusion.edits import MAX_LORA_SCALE, MAX_LORAS, PARTS
from diffusion.engines import widest
from osc_protocol.checks import shown
from osc_protocol.errors import refusal


def parts_of(text: str) -> tuple[str, ...]:
    """Read "bass, drums"; raises ProtocolError."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in PARTS:
            raise refusal("parts", f" must be among {', '.join(PARTS)}, not {shown(name)}")
    return names


def loras_of(text: str) -> tuple[tuple[str, float], ...]:
    """Read "path" or "path:scale" from each line; raises ProtocolError."""
    found = tuple(lora_of(line) for line in text.splitlines() if line.strip())
    if len(found) > MAX_LORAS:
        raise refusal("loras", f" must be at most {MAX_LORAS} adapters, not {len(found)}")
    return found


def lora_of(line: str) -> tuple[str, float]:
    """Read "path" or "path:scale", where the path may hold a colon; raises ProtocolError."""
    path, colon, last = line.strip().rpartition(":")
    try:
        scale = float(last) if colon else 1.0
    except ValueError:  # C:\\style.safetensors
        return line.strip(), 1.0
    if not 0 <= scale <= MAX_LORA_SCALE:
        raise refusal("loras", f" must have scales from 0 to {MAX_LORA_SCALE:g}, not {last}")
    return (path, scale) if colon else (last, scale)


def dcw_of(text: str) -> tuple[float, float] | None:
    """Read "low,high" or "off"; None for nothing. Raises ProtocolError."""
    if not text:
        return None
    if text == "off":
        return 0.0, 0.0
    low, high = widest("dcw")
    try:
        first, second = (float(number) for number in text.split(","))
        if low <= first <= high and low <= second <= high:
            return first, second
    except ValueError:
        pass
    raise refusal(
        "dcw", f" must be off or two numbers from {low:g} to {high:g}, 0.05,0.02, not {shown(text)}"
    )


def lora_lines(loras: tuple[tuple[str, float], ...]) -> str:
    """The inverse of loras_of."""
    return "\n".join(f"{path}:{scale:g}" for path, scale in loras)
