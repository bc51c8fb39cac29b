"""What each kind of ACE-Step 1.5 checkpoint was trained for: steps, shift, guidance, tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diffusion.audio_conditions import Sampling
from diffusion.edits import WITH_PARTS
from diffusion.errors import EngineError
from diffusion.models.catalogue import CODE_PLANNER, STABLE_AUDIO
from diffusion.models.layout import (
    ACE_STEP_CLASS,
    STABLE_AUDIO_CLASS,
    index_class,
    is_code_planner,
    is_original,
    music_folders,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a kind of checkpoint is sampled.

    `shift` bends the schedule towards noise: t -> s t / (1 + (s - 1) t). A `guidance_scale` of 1
    is none: the turbo kinds have theirs distilled into the weights. `chunk_mask` is what the mask
    beside the source holds where all is to be generated: 1, or 2 for "the model decides". `dcw`
    are the strengths of sampling.corrected in the low and the high band. `sampler` is one of
    sampling.SAMPLERS.
    """

    steps: int
    shift: float
    guidance_scale: float
    tasks: tuple[str, ...]
    chunk_mask: float = 1.0
    dcw: tuple[float, float] = (0.0, 0.0)
    sampler: str = "euler"

    def with_wishes(self, wishes: Sampling) -> Settings:
        """These settings with what the user wants otherwise."""
        wanted: dict[str, Any] = {
            "steps": wishes.steps, "shift": wishes.shift, "guidance_scale": wishes.guidance,
            "chunk_mask": wishes.chunk_mask, "dcw": wishes.dcw, "sampler": wishes.sampler or None,
        }  # fmt: skip
        return replace(self, **{key: each for key, each in wanted.items() if each is not None})


# After the model's training presets and the defaults of the authors' code (v0.1.8), which are those
# of XL as well. Which chunk mask and correction suit the trained weights best nobody has
# measured. The stock pipeline samples every kind in 8 steps with shift 3, right for turbo alone.
MODEL_DECIDES = 2.0
_SONG_TASKS = ("text2music", "cover", "repaint")
SETTINGS: Mapping[str, Settings] = {
    "turbo": Settings(8, 3.0, 1.0, _SONG_TASKS, MODEL_DECIDES, dcw=(0.05, 0.02)),
    "sft": Settings(50, 1.0, 7.0, _SONG_TASKS, MODEL_DECIDES),
    "base": Settings(50, 1.0, 7.0, (*_SONG_TASKS, *WITH_PARTS), MODEL_DECIDES),
}


def settings_for(kind: str, task: str = "text2music") -> Settings:
    """Return how to sample a kind of checkpoint; raises EngineError for a task it never learned."""
    settings = SETTINGS[kind]
    if task not in settings.tasks:
        able = ", ".join(name for name, each in SETTINGS.items() if task in each.tasks)
        raise EngineError(f"task {task} needs a {able} checkpoint of ACE-Step 1.5, not {kind}")
    return settings


def kind_of(config: Mapping[str, object], name: str = "") -> str:
    """Tell turbo, sft or base from the transformer's configuration, or else from a name."""
    version = str(config.get("model_version") or "").lower()
    if config.get("is_turbo") or "turbo" in version:
        return "turbo"
    return kind_in_name(version or name) or kind_in_name(name) or "base"


def kind_in_name(name: str) -> str:
    """The kind that a name of a file or a version says, or ""."""
    return next((kind for kind in ("sft", "base", "turbo") if kind in name.lower()), "")


def read_kind(folder: Path, name: str = "") -> str:
    """Tell the kind of a checkpoint in a folder of either layout; raises EngineError."""
    if is_code_planner(folder):
        return CODE_PLANNER
    music_folders(folder)  # raises where it is something else
    made_for = index_class(folder)
    if made_for == STABLE_AUDIO_CLASS:
        return STABLE_AUDIO
    if made_for and made_for != ACE_STEP_CLASS:
        raise EngineError(f"{folder} holds weights of {made_for}, which no engine plays")
    path = (folder if is_original(folder) else folder / "transformer") / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read: these are no ACE-Step weights") from error
    return kind_of(config, name)
