"""How a melody or a sound that the user has shapes what an engine of mixes plays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audio.clip import Clip
from diffusion.errors import EngineError

MELODY_MODES = ("cover", "keep", "raw", "off")
EDITS = ("cover", "repaint", "extend", "lego", "extract", "complete")
WITH_PARTS = ("lego", "extract", "complete")  # base checkpoints only, and the least reliable
PARTS = (
    "vocals", "backing_vocals", "drums", "bass", "guitar", "keyboard", "percussion", "strings",
    "synth", "fx", "brass", "woodwinds",
)  # fmt: skip
MAX_LORA_SCALE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """What becomes of a sound that the user has, which begins where the grid does.

    A cover plays it anew, a repaint only its bars `first_bar` up to but without `end_bar` (from
    0), an extension what follows it on the grid. Lego adds one of PARTS to it, extract takes one
    out of it, complete adds several. Raises EngineError.
    """

    kind: str
    source: Clip
    first_bar: int = 0
    end_bar: int = 1
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in EDITS:
            raise EngineError(f"edit must be one of {', '.join(EDITS)}, not {self.kind!r}")
        if not 0 <= self.first_bar < self.end_bar:
            raise EngineError(
                f"a repaint's bars must ascend from 0, not {self.first_bar} to {self.end_bar}"
            )
        for part in self.parts:
            if part not in PARTS:
                raise EngineError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
        limit = {"lego": 1, "extract": 1, "complete": len(PARTS)}.get(self.kind, 0)
        if len(self.parts) > limit or (limit and not self.parts):
            raise EngineError(f"{self.kind} takes {limit or 'no'} parts, not {len(self.parts)}")


@dataclass(frozen=True, slots=True)
class Lora:
    """An adapter's safetensors file, and how much of it counts: from 0 to MAX_LORA_SCALE."""

    path: Path
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= MAX_LORA_SCALE:
            raise EngineError(f"lora scale must be from 0 to {MAX_LORA_SCALE}, not {self.scale:g}")


@dataclass(frozen=True, slots=True)
class Shaping:
    """How the melody is heard (one of MELODY_MODES) and how strongly, 0..1; an Edit; a timbre.

    `language` is the lyrics', in ISO 639-1, or "" to be guessed. `reference` is a sound whose
    timbre is borrowed; `loras` bend the model. Raises EngineError.
    """

    melody_mode: str = "cover"
    melody_strength: float = 0.5
    language: str = ""
    edit: Edit | None = None
    reference: Clip | None = None
    loras: tuple[Lora, ...] = ()

    def __post_init__(self) -> None:
        if self.melody_mode not in MELODY_MODES:
            raise EngineError(
                f"melody-mode must be one of {', '.join(MELODY_MODES)}, not {self.melody_mode!r}"
            )
        if not 0 <= self.melody_strength <= 1:
            raise EngineError(f"melody-strength must be from 0 to 1, not {self.melody_strength:g}")


UNSHAPED = Shaping()
