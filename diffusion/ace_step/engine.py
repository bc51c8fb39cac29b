"""The ACE-Step 1.5 engine: conditions to a mix, on the weights that the user has downloaded.

The model gives a mix, not stems, and a little more of it than the grid holds: what splits it and
lays it on the grid to the sample comes after.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audio.clip import Clip, resample
from diffusion.ace_step.checkpoint import settings_for
from diffusion.ace_step.recipe import Stretch, stretches, task_for
from diffusion.ace_step.splice import splice
from diffusion.ace_step.task import FRAMES_A_SECOND, SAMPLE_RATE, Task
from diffusion.audio_conditions import Lora
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import Cancelled, EngineError
from diffusion.facts import AceStepFacts, EngineDescription, LoraFacts
from diffusion.models.folder import chosen_model, models_folder
from diffusion.models.shelf import Snapshot, faults, find_for_music
from midi.grid import Grid

if TYPE_CHECKING:
    import torch

    from diffusion.ace_step.memory import MemoryMode, Placement
    from diffusion.ace_step.pipeline import Pipeline

StepHook = Callable[[str, float], None]
DIFFUSED = 0.75  # of a run's time goes into its steps, the rest into its decoding
NOT_LOADED = "the ace-step engine is not loaded"


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
        self._model, self._models = model or chosen_model(), models
        self._device, self._precision, self._memory = device, precision, memory
        self._pipeline: Pipeline | None = None
        self._snapshot: Snapshot | None = None
        self._placement: Placement | None = None
        self._mode: MemoryMode | None = None  # the best one, which each job begins with
        self._batch_size = 1
        self._loras: tuple[Lora, ...] = ()
        self._lora_facts: tuple[LoraFacts, ...] = ()
        self._description = EngineDescription(name=self.name)

    def load(self, progress: Progress) -> None:
        """Read the weights; raises EngineError with the command that brings missing ones."""
        if self._pipeline is not None:
            return
        progress("load", 0.0)
        snapshot = find_for_music(self._models or models_folder(), self._model)
        fault = next(faults(snapshot, hashes=False), None)
        if fault:
            raise EngineError(
                f"model {snapshot.name}: {fault}; run: backline models verify {snapshot.name}"
            )
        import torch

        from diffusion.ace_step import memory, weights

        progress("load", 0.1)
        device = torch.device(self._device) if self._device else memory.best_device()
        parameters = weights.parameters(snapshot)
        dtype = (
            getattr(torch, self._precision)
            if self._precision
            else memory.best_dtype(device, parameters)
        )
        if not memory.fits(device, parameters, dtype):
            raise EngineError(
                f"model {snapshot.name} needs {parameters * dtype.itemsize / 1e9:.1f} GB for its "
                f"weights, and this machine has {memory.machine_bytes() / 1e9:.1f} GB of memory"
            )
        pipeline = weights.read(snapshot.folder, dtype)
        progress("load", 0.8)
        if self._memory:
            mode = memory.mode_named(self._memory)
        else:
            mode = memory.choose_mode(memory.weights_of(pipeline), memory.free_bytes(device))
        self._snapshot, self._pipeline, self._mode = snapshot, pipeline, mode
        self._settle(device, mode)
        self._description = _description(snapshot, device, dtype)
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        """Return the weights' hash and origin, the device, the precision and all versions."""
        mode = self._placement.mode.name if self._placement else ""
        return replace(self._description, memory=mode)

    def close(self) -> None:
        """Let go of the weights."""
        device = self._placement.device if self._placement else None
        self._pipeline = self._placement = None
        gc.collect()
        if device is not None:
            from diffusion.ace_step.memory import release

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
        if self._pipeline is None or self._snapshot is None:
            raise EngineError(NOT_LOADED)
        first = batch[0]
        self._begin()
        self._put_on(first)
        task, remarks = task_for(first, tuple(each.seed for each in batch))
        told = [(task, remarks)] * len(batch)
        if any(replace(each, seed=first.seed) != first for each in batch):
            told = [task_for(each, (each.seed,)) for each in batch]
            task = replace(task, prompts=tuple(own.prompt for own, _ in told))
        parts = stretches(first, task.prompt.seconds)
        step = _step(progress, cancelled, self._runs(len(batch)) + len(batch) * len(parts))
        takes = []
        for mix, each, (own, remarks) in zip(self._play(task, step), batch, told, strict=True):
            for stretch in parts:
                again = replace(own, seeds=(each.seed,))
                mix = self._repaint(mix, stretch, again, each.grid, step)
            takes.append(self._generation(mix, own, each.seed, each, remarks, parts))
        return takes

    def _shape(self, conditions: Conditions) -> tuple[object, ...] | None:
        """What has to be equal within a batch; None for what only goes with its own takes."""
        audio = conditions.audio
        if self._pipeline is None or conditions.melody is not None:
            return None
        if audio.edit is not None or audio.reference is not None or audio.loras:
            return None
        task, _ = task_for(conditions, (conditions.seed,))
        if stretches(conditions, task.prompt.seconds):
            return None
        return (task.frames, *self._pipeline.tokens(task.prompt))

    def _runs(self, items: int) -> int:
        """In how many batches `items` are played."""
        assert self._placement is not None
        return -(-items // self._placement.mode.batch)

    def _repaint(self, mix: Clip, stretch: Stretch, task: Task, grid: Grid, step: StepHook) -> Clip:
        """The mix with the bars of one section made anew under words of its own."""
        window = (stretch.first, min(stretch.end, task.frames))
        again = replace(
            task, prompt=stretch.prompt, source=mix, window=window, cover_share=1.0, kept_share=0.0
        )
        (sound,) = self._play(again, step)
        bars = (stretch.first_bar, stretch.end_bar)
        first, end = (grid.frame_at(grid.bar_starts[bar], SAMPLE_RATE) for bar in bars)
        return splice(mix, sound, first, min(end, mix.frames))

    def _play(self, task: Task, step: StepHook) -> list[Clip]:
        """Play a task in batches; on a full memory in smaller ones, then in lower modes."""
        clips: list[Clip] = []
        while len(clips) < len(task.seeds):
            part = task.part(len(clips), self._batch_size)
            made = self._try(part, step)
            clips += made
            if not made:
                self._ask_for_less(len(part.seeds), task)
        return clips

    def _try(self, task: Task, step: StepHook) -> list[Clip]:
        """The clips of one batch, or none where the memory was full.

        The error itself is not kept: its traceback would keep all the tensors.
        """
        from diffusion.ace_step.memory import is_out_of_memory, release

        assert self._pipeline and self._placement and self._snapshot
        settings = settings_for(self._snapshot.kind, task.prompt.task)
        try:
            sound = self._pipeline.play(task, settings, step)
            return [Clip(each.numpy(), SAMPLE_RATE) for each in sound]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return []
        finally:
            release(self._placement.device)

    def _ask_for_less(self, tried: int, task: Task) -> None:
        """After a batch of `tried` takes did not fit: half of it, or the next lower mode."""
        from diffusion.ace_step.memory import next_lower

        assert self._placement is not None
        lower = next_lower(self._placement.mode)
        if tried > 1:
            self._batch_size = tried // 2
        elif lower is not None:
            self._settle(self._placement.device, lower)
        else:
            raise EngineError(
                f"there is not enough memory on {self._placement.device} for "
                f"{task.frames / FRAMES_A_SECOND:.0f} s, not even in memory mode "
                f"{self._placement.mode.name}; ask for fewer bars or close other programs"
            )

    def _generation(
        self,
        mix: Clip,
        task: Task,
        seed: int,
        conditions: Conditions,
        remarks: Sequence[str],
        parts: Sequence[Stretch],
    ) -> Generation:
        assert self._pipeline and self._snapshot
        clip = resample(mix, conditions.sample_rate)
        edit = conditions.audio.edit
        if edit is not None and edit.kind == "repaint":
            first, end = (
                conditions.grid.frame_at(conditions.grid.bar_starts[bar], clip.sample_rate)
                for bar in (edit.first_bar, edit.end_bar)
            )
            clip = splice(edit.source, clip, first, end)
        if edit is not None and edit.kind == "extend":
            joined = resample(edit.source, clip.sample_rate).frames
            clip = splice(edit.source, clip, min(joined, clip.frames - 1), clip.frames)
        settings = settings_for(self._snapshot.kind, task.prompt.task)
        facts = AceStepFacts(
            task=task.prompt.task,
            prompt=task.prompt.text,
            language=task.prompt.language,
            steps=settings.steps,
            shift=settings.shift,
            guidance_scale=settings.guidance_scale,
            chunk_mask=settings.chunk_mask,
            dcw=settings.dcw,
            seed=seed,
            melody_mode=conditions.audio.melody_mode if conditions.melody else "",
            melody_strength=conditions.audio.melody_strength,
            loras=self._lora_facts,
            repainted=tuple(part.described() for part in parts),
            remarks=(*remarks, *self._pipeline.remarks(task.prompt)),
        )
        return Generation(mix=clip, facts=facts)

    def _begin(self) -> None:
        """Go back to the best memory mode and its batches, after a job that needed less."""
        assert self._placement and self._mode
        if self._placement.mode is not self._mode:
            self._settle(self._placement.device, self._mode)
        self._batch_size = self._placement.mode.batch

    def _put_on(self, conditions: Conditions) -> None:
        from diffusion.ace_step import lora

        assert self._pipeline is not None
        if conditions.audio.loras == self._loras:
            return
        self._loras, self._lora_facts = (), ()
        self._lora_facts = lora.apply(self._pipeline, conditions.audio.loras)
        self._loras = conditions.audio.loras

    def _settle(self, device: torch.device, mode: MemoryMode) -> None:
        """Place the networks as `mode` has it, or as the next lower mode that they fit in."""
        from diffusion.ace_step.memory import Placement, is_out_of_memory, next_lower

        assert self._pipeline is not None
        while True:
            try:
                self._placement = Placement(self._pipeline, device, mode)
                break
            except Exception as error:
                lower = next_lower(mode)
                if lower is None or not is_out_of_memory(error):
                    raise
                mode = lower
        self._batch_size = mode.batch
        self._pipeline.settle(self._placement)


def _step(progress: Progress, cancelled: CancelFlag, runs: int) -> StepHook:
    """Tell progress evenly over all runs, and stop where the user wants it.

    Runs but the last count as diffusion with all they do, for stages come once and in order. A
    run that is tried again is told of where it gets further.
    """
    done = 0
    before = ""
    reached = (False, 0.0)  # whether the last decoding has begun, and how far it is

    def step(stage: str, fraction: float) -> None:
        nonlocal done, before, reached
        if cancelled():
            raise Cancelled("cancelled")
        if stage == "diffuse" and before == "decode":
            done = min(done + 1, runs - 1)
        before = stage
        if done < runs - 1:
            share = DIFFUSED if stage == "diffuse" else 1 - DIFFUSED
            fraction = share * fraction + (0.0 if stage == "diffuse" else DIFFUSED)
            stage = "diffuse"
        if stage == "diffuse":
            fraction = (done + fraction) / runs
        if (stage == "decode", fraction) >= reached:
            reached = (stage == "decode", fraction)
            progress(stage, fraction)

    return step


def _description(snapshot: Snapshot, device: torch.device, dtype: torch.dtype) -> EngineDescription:
    from importlib.metadata import version

    import torch

    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return EngineDescription(
        name=AceStepEngine.name,
        version="1.5",
        kind=snapshot.kind,
        weights=snapshot.describe(),
        device=gpu or device.type,
        precision=str(dtype).removeprefix("torch."),
        torch=torch.__version__,
        diffusers=version("diffusers"),
        transformers=version("transformers"),
    )
