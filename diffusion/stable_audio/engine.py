"""The Stable Audio 3 engine: conditions to a mix, on the weights that the user has downloaded."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.clip import Clip, resample
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import EngineError
from diffusion.facts import EngineDescription, StableAudioFacts
from diffusion.models.choice import chosen_for, whole_for_music
from diffusion.models.folder import models_folder
from diffusion.progress import steady
from diffusion.splice import edited
from diffusion.stable_audio.task import Task, task_for

if TYPE_CHECKING:
    from diffusion.ace_step.pipeline import Step
    from diffusion.stable_audio.pipeline import Settings

MOST_TAKES = 8  # at once


class StableAudioEngine(Engine):
    """Stable Audio 3; `model` is a name or a hash of weights on the shelf, or "" for the first.

    `device` and `precision` (bfloat16 or float32) are chosen from the machine where they are "".
    """

    name = "stable-audio-3"

    def __init__(
        self, model: str = "", *, device: str = "", precision: str = "", models: Path | None = None
    ) -> None:
        self._model = model or chosen_for(self.name)
        self._models, self._device, self._precision = models, device, precision
        self._pipeline: Any = None
        self._description = EngineDescription(name=self.name)

    def load(self, progress: Progress) -> None:
        """Read the weights; raises EngineError with the command that brings missing ones."""
        if self._pipeline is not None:
            return
        progress("load", 0.0)
        snapshot = whole_for_music(self._models or models_folder(), self._model, self.name)
        from diffusion import memory
        from diffusion.description import description
        from diffusion.stable_audio.pipeline import read

        progress("load", 0.1)
        device, dtype = memory.choose_device(snapshot, self._device, self._precision)
        self._pipeline = read(snapshot.folder, dtype, device)
        self._description = description(self.name, "3", snapshot, device, dtype)
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        """Return the weights' hash and origin, the device, the precision and all versions."""
        return self._description

    def close(self) -> None:
        """Let go of the weights."""
        if self._pipeline is not None:
            from diffusion.memory import release

            device, self._pipeline = self._pipeline.transformer.device, None
            gc.collect()
            release(device)

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`: a mix of at least the grid's frames, at the rate asked for."""
        return self.generate_batch((conditions,), progress, cancelled)[0]

    def compatible(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        """Return those of `others` that differ in their seeds alone."""
        return [each for each in others if replace(each, seed=conditions.seed) == conditions]

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        """Play compatible conditions together; on a full memory in halves, down to one by one."""
        if self._pipeline is None:
            raise EngineError("the stable-audio-3 engine is not loaded")
        from diffusion.stable_audio.pipeline import default_settings, fitted

        asked = batch[0].audio.sampling
        settings = default_settings(self._pipeline)
        settings = replace(
            settings,
            steps=asked.steps or settings.steps,
            guidance_scale=asked.guidance or settings.guidance_scale,
            sampler=asked.sampler or settings.sampler,
        )
        task, remarks = task_for(batch[0], tuple(each.seed for each in batch))
        caption = fitted(self._pipeline.tokenizer, task.caption)
        if caption != task.caption:
            task = replace(task, caption=caption)
            remarks = (*remarks, "The tags were cut: Stable Audio takes no more.")
        step = steady(progress, cancelled, -(-len(batch) // MOST_TAKES))
        mixes = self._play(task, settings, step)
        return [
            self._generation(mix, task, each, settings, remarks)
            for mix, each in zip(mixes, batch, strict=True)
        ]

    def _play(self, task: Task, settings: Settings, step: Step) -> list[Clip]:
        clips: list[Clip] = []
        size = MOST_TAKES
        while len(clips) < len(task.seeds):
            part = task.part(len(clips), size)
            played = self._try(part, settings, step)
            if not played and len(part.seeds) == 1:
                raise EngineError(
                    f"there is not enough memory on {self._pipeline.transformer.device} for "
                    f"{task.seconds:.0f} s; ask for fewer bars or close other programs"
                )
            clips += played
            size = size if played else len(part.seeds) // 2
        return clips

    def _try(self, task: Task, settings: Settings, step: Step) -> list[Clip]:
        """The clips of one batch, or none where the memory was full."""
        from diffusion.memory import is_out_of_memory, release
        from diffusion.stable_audio.pipeline import play

        try:
            sound = play(self._pipeline, task, settings, step)
            rate = int(self._pipeline.vae.config.sampling_rate)
            return [Clip(each.numpy(), rate) for each in sound]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return []
        finally:
            release(self._pipeline.transformer.device)

    def _generation(
        self,
        mix: Clip,
        task: Task,
        conditions: Conditions,
        settings: Settings,
        remarks: Sequence[str],
    ) -> Generation:
        edit = conditions.audio.edit
        clip = edited(resample(mix, conditions.sample_rate), edit, conditions.grid)
        facts = StableAudioFacts(
            task=edit.kind if edit else "cover" if task.source else "text2music",
            prompt=task.caption,
            seconds=task.seconds,
            steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            sampler=settings.sampler,
            noise_level=task.noise_level,
            seed=conditions.seed,
            remarks=tuple(remarks),
        )
        return Generation(mix=clip, facts=facts)
