"""An adapter learnt from examples: LoRA on the transformer's attention, by flow matching.

A network that was distilled (turbo) learns at the noise levels of its own few steps, another one at
levels drawn as its authors drew them; a tenth of the examples of a guided one have no words. Of the
examples some are held out; the adapter that is kept is the one under which they are likeliest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from diffusion.ace_step.checkpoint import settings_for
from diffusion.ace_step.lora import CONFIG_NAME, OUR_PREFIX
from diffusion.ace_step.sampling import schedule

ADAPTER = "own"
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
WORDLESS = 0.1  # of the examples of a guided kind
LEVELS = 4  # noise levels at which each held-out example is judged
STATE_NAME = "state.pt"
CLIP_NORM = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Latents (1, frames, channels) of a piece, and condition states (1, tokens, channels)."""

    latents: Tensor
    states: Tensor


@dataclass(frozen=True, slots=True)
class Lessons:
    """How to learn: `batch` examples a step, judged and stored `every` so many steps.

    After `patience` judgements without progress it ends. `saves_memory` computes the blocks again
    on the way back, for GPUs of 12 GB.
    """

    steps: int = 1000
    rank: int = 16
    alpha: int = 32
    rate: float = 1e-4
    batch: int = 4
    every: int = 50
    patience: int = 6
    seed: int = 0
    saves_memory: bool = False


@dataclass(slots=True)
class Course:
    """How far it has come: losses of the held-out examples by step, the best and when it was."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    held_out: dict[int, float] = field(default_factory=dict)
    best: float = math.inf
    best_step: int = 0


class Learner:
    """A transformer with a new adapter, its optimiser, and what is stored of both in `folder`."""

    def __init__(
        self, pipeline: Any, kind: str, lessons: Lessons, folder: Path, name: str, digest: str
    ) -> None:
        from peft import LoraConfig

        self.transformer, self.kind, self.lessons = pipeline.transformer, kind, lessons
        self.folder, self.name, self._digest = folder, name, digest
        self._silence = pipeline.condition_encoder.silence_latent.float()
        self._null = getattr(pipeline.condition_encoder, "null_condition_emb", None)
        config = LoraConfig(
            r=lessons.rank, lora_alpha=lessons.alpha, target_modules=list(TARGETS),
            init_lora_weights=True,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(lessons.seed)
            self.transformer.add_adapter(config, adapter_name=ADAPTER)
        if lessons.saves_memory:
            self.transformer.enable_gradient_checkpointing()
        self._weights = [each for each in self.transformer.parameters() if each.requires_grad]
        for weight in self._weights:
            weight.data = weight.data.float()
        self._optimiser = torch.optim.AdamW(self._weights, lr=lessons.rate)
        self._random = torch.Generator().manual_seed(lessons.seed)
        self.course = Course()

    @property
    def device(self) -> torch.device:
        """Where the transformer is."""
        return next(self.transformer.parameters()).device

    def learn(
        self,
        examples: Sequence[Example],
        held_out: Sequence[Example],
        told: Callable[[Course], None] = lambda course: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Course:
        """Learn until the steps are done, nothing is gained any more, or it is stopped.

        `told` is called after each step. What was stored before is gone on with.
        """
        course = self.course
        if not course.held_out:
            self._judge(held_out)
        while course.step < self.lessons.steps and not self._is_done() and not stopped():
            for group in self._optimiser.param_groups:
                group["lr"] = self.lessons.rate * min(1.0, (course.step + 1) / 20)
            loss = self._step(examples)
            course.step += 1
            course.losses.append(loss)
            if course.step % self.lessons.every == 0 or course.step == self.lessons.steps:
                self._judge(held_out)
                self.store()
            told(course)
        self.store()
        return course

    def loss(self, example: Example, time: float, noise: Tensor, wordless: bool = False) -> Tensor:
        """Mean squared error of the direction from an example under noise at `time`."""
        latents = example.latents.to(self.device)
        noise = noise.to(self.device)
        states = self._null if wordless and self._null is not None else example.states
        at = time * noise + (1 - time) * latents
        found = self.direction(at, time, states)
        return functional.mse_loss(found, noise - latents)

    def direction(self, latents: Tensor, time: float, states: Tensor) -> Tensor:
        """The stock transformer's direction for a song under `states`, in float32."""
        frames, dtype = latents.shape[1], self.transformer.dtype
        silence = self._silence[:, :frames].to(self.device)
        mask = torch.full_like(silence, settings_for(self.kind).chunk_mask)
        times = torch.full((1,), time, device=self.device, dtype=dtype)
        found: Tensor = self.transformer(
            hidden_states=latents.to(dtype), timestep=times, timestep_r=times,
            encoder_hidden_states=states.to(self.device, dtype),
            context_latents=torch.cat([silence, mask], dim=-1).to(dtype), return_dict=False,
        )[0]  # fmt: skip
        return found.float()

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def sample(self, example: Example, seed: int) -> Tensor:
        """Latents like an example's, played from noise as the checkpoint is with this adapter."""
        settings = settings_for(self.kind)
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn(example.latents.shape, generator=generator).to(self.device)
        times = schedule(settings.steps, settings.shift)
        for time, following in zip(times, (*times[1:], 0.0), strict=True):
            latents = latents + (following - time) * self.direction(latents, time, example.states)
        return latents

    def store(self) -> None:
        """Write what is needed to go on; the best adapter is written when it is found."""
        state = {
            "digest": self._digest, "course": asdict(self.course),
            "weights": [each.detach().cpu() for each in self._weights],
            "optimiser": self._optimiser.state_dict(), "random": self._random.get_state(),
        }  # fmt: skip
        partial = self.folder / f"{STATE_NAME}.partial"
        torch.save(state, partial)
        partial.replace(self.folder / STATE_NAME)

    def go_on(self) -> bool:
        """Take up what was stored of the same lessons and recordings; whether there was any."""
        path = self.folder / STATE_NAME
        if not path.is_file():
            return False
        state = torch.load(path, weights_only=True)
        if state["digest"] != self._digest:
            return False
        for weight, stored in zip(self._weights, state["weights"], strict=True):
            weight.data.copy_(stored)
        self._optimiser.load_state_dict(state["optimiser"])
        self._random.set_state(state["random"])
        self.course = Course(**state["course"])
        return True

    def _step(self, examples: Sequence[Example]) -> float:
        total = 0.0
        self._optimiser.zero_grad(set_to_none=True)
        for _ in range(self.lessons.batch):
            picked = int(torch.randint(len(examples), (), generator=self._random))
            example = examples[picked]
            noise = torch.randn(example.latents.shape, generator=self._random)
            wordless = self.kind != "turbo" and self._chance() < WORDLESS
            loss = self.loss(example, self._time(), noise, wordless) / self.lessons.batch
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self._weights, CLIP_NORM)
        self._optimiser.step()
        return total

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _judge(self, held_out: Sequence[Example]) -> None:
        """The held-out examples' loss, always under the same noise; the best adapter is written."""
        generator = torch.Generator().manual_seed(self.lessons.seed + 1)
        losses = []
        for example in held_out:
            for level in range(LEVELS):
                noise = torch.randn(example.latents.shape, generator=generator)
                losses.append(float(self.loss(example, self._level(level), noise)))
        loss, course = sum(losses) / len(losses), self.course
        course.held_out[course.step] = loss
        if loss < course.best:
            course.best, course.best_step = loss, course.step
            self._write()

    def _write(self) -> None:
        from peft import get_peft_model_state_dict

        weights = get_peft_model_state_dict(self.transformer, adapter_name=ADAPTER)
        named = {
            f"{OUR_PREFIX}{name}": each.detach().cpu().clone() for name, each in weights.items()
        }
        save_file(named, self.folder / f"{self.name}.safetensors")
        config = {"peft_type": "LORA", "r": self.lessons.rank, "lora_alpha": self.lessons.alpha}
        (self.folder / CONFIG_NAME).write_text(json.dumps(config) + "\n", "utf-8")

    def _is_done(self) -> bool:
        since = self.course.step - self.course.best_step
        return since >= self.lessons.patience * self.lessons.every

    def _level(self, number: int) -> float:
        if self.kind == "turbo":
            settings = settings_for(self.kind)
            times = schedule(settings.steps, settings.shift)
            return times[number * len(times) // LEVELS]
        return (number + 0.5) / LEVELS

    def _time(self) -> float:
        if self.kind == "turbo":
            settings = settings_for(self.kind)
            times = schedule(settings.steps, settings.shift)
            return times[int(self._chance() * len(times))]
        config = self.transformer.config
        mean = float(getattr(config, "timestep_mu", -0.4))
        spread = float(getattr(config, "timestep_sigma", 1.0))
        drawn = float(torch.randn((), generator=self._random))
        return 1 / (1 + math.exp(-(mean + spread * drawn)))

    def _chance(self) -> float:
        return float(torch.rand((), generator=self._random))
