"""The ACE-Step 1.5 engine: conditions to a mix, on the weights that the user has downloaded.

The model gives a mix, not stems, and a little more of it than the grid holds: what splits it and
lays it on the grid to the sample comes after.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audio.clip import Clip, resample
from diffusion.ace_step.checkpoint import Settings, settings_for
from diffusion.ace_step.recipe import SectionRepaint, section_repaints, task_for, window
from diffusion.ace_step.task import SAMPLE_RATE, Task
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import EngineError
from diffusion.facts import AceStepFacts, EngineDescription, Repainted
from diffusion.models.choice import chosen_for, find_code_planner, whole_for_music
from diffusion.models.folder import models_folder
from diffusion.models.shelf import Snapshot
from diffusion.progress import steady
from diffusion.splice import edited, splice

if TYPE_CHECKING:
    from diffusion.ace_step.pipeline import Step
    from diffusion.ace_step.player import Player


class AceStepEngine(Engine):
    """ACE-Step 1.5; `model` is a name or a hash of weights on the shelf, or "" for the best there.

    `device`, `precision` (bfloat16 or float32) and `memory` (full, offload or low) are chosen from
    the machine where they are "".
    """

    name = "ace-step"

    def __init__(
        self,
        model: str = "",
        *,
        device: str = "",
        precision: str = "",
        memory: str = "",
        models: Path | None = None,
    ) -> None:
        self._model, self._models = model or chosen_for(self.name), models
        self._device, self._precision, self._memory = device, precision, memory
        self._player: Player | None = None
        self._snapshot: Snapshot | None = None
        self._description = EngineDescription(name=self.name)

    def load(self, progress: Progress) -> None:
        """Read the weights; raises EngineError with the command that brings missing ones."""
        if self._player is not None:
            return
        progress("load", 0.0)
        snapshot = whole_for_music(self._models or models_folder(), self._model, self.name)
        from diffusion import memory
        from diffusion.ace_step import weights
        from diffusion.ace_step.player import Player
        from diffusion.description import description

        progress("load", 0.1)
        device, dtype = memory.choose_device(snapshot, self._device, self._precision)
        pipeline = weights.read(snapshot.folder, dtype)
        progress("load", 0.8)
        mode = memory.choose_mode(memory.weights_of(pipeline), memory.free_bytes(device))
        mode = next((each for each in memory.MODES if each.name == self._memory), mode)
        self._snapshot, self._player = snapshot, Player(pipeline, device, mode)
        self._description = description(self.name, "1.5", snapshot, device, dtype)
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        """Return the weights' hash and origin, the device, the precision and all versions."""
        mode = self._player.mode.name if self._player else ""
        return replace(self._description, memory=mode)

    def close(self) -> None:
        """Let go of the weights."""
        if self._player is not None:
            from diffusion.memory import release

            device, self._player = self._player.device, None
            gc.collect()
            release(device)

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`: a mix of at least the grid's frames, at the rate asked for."""
        return self.generate_batch((conditions,), progress, cancelled)[0]

    def compatible(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        """Return those of `others` that differ in their seeds alone, or are of equal shape."""
        shape = self._shape(conditions)
        return [
            each
            for each in others
            if replace(each, seed=conditions.seed) == conditions
            or (shape is not None and self._shape(each) == shape)
        ]

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        """Play compatible conditions, in batches as large as the memory allows.

        Each result is that of generate(), to 1e-5. Raises Cancelled within a step.
        """
        if self._player is None:
            raise EngineError("the ace-step engine is not loaded")
        first = batch[0]
        self._player.begin(first.audio.loras)
        task, remarks = task_for(first, tuple(each.seed for each in batch))
        tasks = [(task, remarks)] * len(batch)
        if any(replace(each, seed=first.seed) != first for each in batch):
            tasks = [task_for(each, (each.seed,)) for each in batch]
            task = replace(task, prompts=tuple(own.prompt for own, _ in tasks))
        name = first.audio.code_planner if task.source is None else ""
        planner = find_code_planner(self._models or models_folder(), name) if name else None
        parts = section_repaints(first, task.prompt.seconds)
        runs = -(-len(batch) // self._player.mode.batch) + len(batch) * bool(planner)
        step = steady(progress, cancelled, runs + len(batch) * len(parts))
        if planner:
            task = self._player.plan(planner, task, step)
            tasks = [(task, remarks)] * len(batch)
        settings = self._settings(task, first)
        takes = []
        for mix, each, (own, remarks) in zip(
            self._player.play(task, settings, step), batch, tasks, strict=True
        ):
            for section in parts:
                again = replace(own, seeds=(each.seed,))
                mix = self._repaint(mix, section, again, each, step)
            takes.append(self._generation(mix, own, each, remarks, parts))
        return takes

    def _shape(self, conditions: Conditions) -> tuple[object, ...] | None:
        """What has to be equal within a batch; None for what only goes with its own takes."""
        audio = conditions.audio
        alone = (conditions.melody, audio.edit, audio.reference, audio.loras, audio.code_planner)
        if self._player is None or any(alone):
            return None
        task, _ = task_for(conditions, (conditions.seed,))
        if section_repaints(conditions, task.prompt.seconds):
            return None
        return (task.frames, audio.sampling, *self._player.pipeline.words.tokens(task.prompt))

    def _settings(self, task: Task, conditions: Conditions) -> Settings:
        """How the checkpoint is sampled for a task, and as the user wants."""
        assert self._snapshot
        settings = settings_for(self._snapshot.kind, task.prompt.task)
        return settings.with_wishes(conditions.audio.sampling)

    def _repaint(
        self, mix: Clip, section: SectionRepaint, task: Task, conditions: Conditions, step: Step
    ) -> Clip:
        """The mix with the bars of one section generated again with its own words."""
        assert self._player
        grid, bars = conditions.grid, (section.first_bar, section.end_bar)
        again = replace(
            task,
            prompt=section.prompt,
            source=mix,
            window=window(grid, *bars),
            cover_share=1.0,
            kept_share=0.0,
        )
        (sound,) = self._player.play(again, self._settings(again, conditions), step)
        first, end = (grid.frame_at(grid.bar_starts[bar], SAMPLE_RATE) for bar in bars)
        return splice(mix, sound, first, min(end, mix.frames))

    def _generation(
        self,
        mix: Clip,
        task: Task,
        conditions: Conditions,
        remarks: Sequence[str],
        parts: Sequence[SectionRepaint],
    ) -> Generation:
        assert self._player and self._snapshot
        clip = resample(mix, conditions.sample_rate)
        clip = edited(clip, conditions.audio.edit, conditions.grid)
        settings = self._settings(task, conditions)
        if settings.guidance_scale > 1 and self._snapshot.kind == "turbo":
            distilled = "turbo has its guidance in the weights already: more of it may distort."
            remarks = (*remarks, distilled)
        facts = AceStepFacts(
            task=task.prompt.task,
            prompt=task.prompt.text,
            language=task.prompt.language,
            steps=settings.steps,
            shift=settings.shift,
            guidance_scale=settings.guidance_scale,
            chunk_mask=settings.chunk_mask,
            dcw=settings.dcw,
            sampler=settings.sampler,
            seed=conditions.seed,
            melody_mode=conditions.audio.melody_mode if conditions.melody else "",
            melody_strength=conditions.audio.melody_strength,
            loras=self._player.lora_facts,
            code_planner=self._player.planned_by if task.codes else None,
            repainted=tuple(
                Repainted(f"{part.first_bar + 1}-{part.end_bar}", part.prompt.caption)
                for part in parts
            ),
            remarks=(*remarks, *self._player.pipeline.words.remarks(task.prompt)),
        )
        return Generation(mix=clip, facts=facts)
