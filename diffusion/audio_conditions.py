"""The conditions that only an engine of mixes can use: sounds, how it reads a melody, LoRAs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audio.clip import Clip
from diffusion.edits import EDITS, MAX_LORA_SCALE, MELODY_MODES, MOST_PARTS, PARTS
from diffusion.errors import EngineError, check_choice


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """How to edit the user's sound `source`, which begins where the grid does.

    A cover regenerates all of it, a repaint only the bars from `first_bar` up to but without
    `end_bar` (counted from 0), an extension continues it to the end of the grid. Lego adds one of
    PARTS, extract takes one out, complete adds several. Raises EngineError.
    """

    kind: str
    source: Clip
    first_bar: int = 0
    end_bar: int = 1
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice("edit", self.kind, EDITS)
        if not 0 <= self.first_bar < self.end_bar:
            raise EngineError(
                f"a repaint's bars must ascend from 0, not {self.first_bar} to {self.end_bar}"
            )
        for part in self.parts:
            check_choice("part", part, PARTS)
        limit = MOST_PARTS[self.kind]
        if len(self.parts) > limit or (limit and not self.parts):
            raise EngineError(f"{self.kind} takes {limit or 'no'} parts, not {len(self.parts)}")


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA adapter's safetensors file and its scale, 0 to MAX_LORA_SCALE; raises EngineError."""

    path: Path
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= MAX_LORA_SCALE:
            raise EngineError(f"lora scale must be from 0 to {MAX_LORA_SCALE}, not {self.scale:g}")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a diffusion model is sampled; None and "" leave it to what suits the checkpoint.

    `guidance` of 1 is none. `shift`, `dcw` (strengths in the low and the high band) and
    `chunk_mask` are ACE-Step's. The limits are in the engines' rows.
    """

    steps: int | None = None
    guidance: float | None = None
    shift: float | None = None
    sampler: str = ""
    dcw: tuple[float, float] | None = None
    chunk_mask: float | None = None


@dataclass(frozen=True, slots=True)
class AudioConditions:
    """How the melody conditions the model (a mode, a strength in 0..1), an edit, a timbre, LoRAs.

    `language` is that of the lyrics in ISO 639-1, or "" to detect it. `reference` is a sound whose
    timbre the model imitates. `code_planner` names the language model that plans the song as codes
    first, or is "". Raises EngineError.
    """

    melody_mode: str = "cover"
    melody_strength: float = 0.5
    language: str = ""
    edit: Edit | None = None
    reference: Clip | None = None
    loras: tuple[Lora, ...] = ()
    sampling: Sampling = Sampling()
    code_planner: str = ""

    def __post_init__(self) -> None:
        check_choice("melody-mode", self.melody_mode, MELODY_MODES)
        if not 0 <= self.melody_strength <= 1:
            raise EngineError(f"melody-strength must be from 0 to 1, not {self.melody_strength:g}")
