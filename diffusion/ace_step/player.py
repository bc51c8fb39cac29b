"""A loaded checkpoint that plays tasks in the memory there is.

On a full memory a batch is halved down to one take, then the memory mode is lowered; the next job
begins again with the best mode.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from audio.clip import Clip
from diffusion.ace_step import lora
from diffusion.ace_step.checkpoint import Settings
from diffusion.ace_step.code_planner import CodePlanner, read
from diffusion.ace_step.pipeline import Pipeline, Step
from diffusion.ace_step.task import FRAMES_A_SECOND, SAMPLE_RATE, Task
from diffusion.audio_conditions import Lora
from diffusion.errors import EngineError
from diffusion.facts import LoraFacts, SnapshotWeights
from diffusion.memory import AWAY, MemoryMode, Placement, is_out_of_memory, next_lower, release
from diffusion.models.shelf import Snapshot


class Player:
    """A pipeline whose networks are placed on `device`, at best as `mode` has it."""

    def __init__(self, pipeline: Pipeline, device: torch.device, mode: MemoryMode) -> None:
        self.pipeline, self.device = pipeline, device
        self._best = mode
        self._loras: tuple[Lora, ...] = ()
        self.lora_facts: tuple[LoraFacts, ...] = ()  # of the adapters that are on
        self._planner: tuple[Snapshot, CodePlanner] | None = None
        self._place(mode)

    def begin(self, loras: tuple[Lora, ...]) -> None:
        """Make ready for a job: the best memory mode, and these adapters; raises EngineError."""
        if self.mode is not self._best:
            self._place(self._best)
        self._batch_size = self.mode.batch
        if loras != self._loras:
            self._loras, self.lora_facts = (), ()
            self.lora_facts = lora.apply(self.pipeline, loras)
            self._loras = loras

    @property
    def planned_by(self) -> SnapshotWeights | None:
        """The weights that wrote the last codes."""
        return self._planner[0].describe() if self._planner else None

    def plan(self, snapshot: Snapshot, task: Task, step: Step) -> Task:
        """The task with codes for each seed, which a language model writes; raises EngineError."""
        if self._planner is None or self._planner[0] != snapshot:
            self._planner = None  # the memory of the one before
            self._planner = snapshot, read(snapshot, self.pipeline.transformer.dtype)
        planner = self._planner[1]
        try:
            self.placement.move(planner.network, self.device)
            codes = []
            for seed in task.seeds:
                step("diffuse", 0.0)
                codes.append(planner.write(task.prompt, seed, lambda done: step("diffuse", done)))
                step("decode", 1.0)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise EngineError(
                f"there is not enough memory on {self.device} for code planner {snapshot.name}; "
                "take a smaller one, or none"
            ) from None
        finally:
            if self.mode.offload != "nothing":
                self.placement.move(planner.network, AWAY)
            release(self.device)
        return replace(task, prompt=task.prompt.for_task("cover"), codes=tuple(codes))

    def play(self, task: Task, settings: Settings, step: Step) -> list[Clip]:
        """A clip for each seed, in batches; what `step` raises comes through.

        Raises EngineError where even one take does not fit in the lowest mode.
        """
        clips: list[Clip] = []
        while len(clips) < len(task.seeds):
            part = task.part(len(clips), self._batch_size)
            played = self._try(part, settings, step)
            clips += played
            if not played:
                self._ask_for_less(part)
        return clips

    def _try(self, task: Task, settings: Settings, step: Step) -> list[Clip]:
        """The clips of one batch, or none where the memory was full.

        The error itself is not kept: its traceback would keep all the tensors.
        """
        try:
            sound = self.pipeline.play(task, settings, step)
            return [Clip(each.numpy(), SAMPLE_RATE) for each in sound]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return []
        finally:
            release(self.device)

    def _ask_for_less(self, tried: Task) -> None:
        lower = next_lower(self.mode)
        if len(tried.seeds) > 1:
            self._batch_size = len(tried.seeds) // 2
        elif lower is not None:
            self._place(lower)
        else:
            raise EngineError(
                f"there is not enough memory on {self.device} for "
                f"{tried.frames / FRAMES_A_SECOND:.0f} s, not even in memory mode "
                f"{self.mode.name}; ask for fewer bars or close other programs"
            )

    def _place(self, mode: MemoryMode) -> None:
        """Place the networks as `mode` has it, or as the next lower mode that they fit in."""
        while True:
            try:
                self.placement = Placement(self.pipeline, self.device, mode)
                break
            except Exception as error:
                lower = next_lower(mode)
                if lower is None or not is_out_of_memory(error):
                    raise
                mode = lower
        self.mode, self._batch_size = mode, mode.batch
        self.pipeline.settle(self.placement)
