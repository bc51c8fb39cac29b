"""The ACE-Step 1.5 pipeline of diffusers with its traps mended and its constants kept.

Loading, networks, LoRA and file layout are the stock pipeline's. The way from words to sound is
ours: prompts have the true length, every random number comes from a seed, a cover's strength
switches contexts as the model's authors do, a repaint leaves what is outside alone, levels are the
model's own, and stopping stops at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial

import torch
from diffusers import AceStepPipeline
from torch import Tensor

from audio.clip import Clip, stereo
from diffusion.ace_step import codec
from diffusion.ace_step.checkpoint import Settings
from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.sampling import Phase, noise, sample, schedule
from diffusion.ace_step.task import FRAMES_A_SECOND, MIN_FRAMES, SAMPLE_RATE, Task, digest
from diffusion.ace_step.velocity import Velocity
from diffusion.ace_step.words import TIMBRE_SECONDS, Words, timbre_excerpt, timbre_token
from diffusion.errors import EngineError
from diffusion.memory import MODES, Placement

PROTECTED_SHARE = 0.5  # of the steps: so long the outside of a repaint is held to the source
REMEMBERED = 32  # tensors: the states of long lyrics take 9 MB in full size

Step = Callable[[str, float], None]


class Pipeline(AceStepPipeline):  # type: ignore[misc]
    """ACE-Step 1.5 that plays Tasks; stages are "diffuse" and "decode"."""

    def settle(self, placement: Placement | None = None) -> None:
        """Make ready to play: put the networks where they belong, and empty the cache."""
        self._placement = placement or Placement(self, torch.device("cpu"), MODES[0])
        codec.lean(self.vae)
        self._velocity = Velocity(self.transformer, self._placement)
        self.words = Words(self)
        self._known: OrderedDict[Hashable, Tensor] = OrderedDict()

    @property
    def channels(self) -> int:
        """Channels of the latents."""
        return int(self.transformer.config.audio_acoustic_hidden_dim)

    def play(self, task: Task, settings: Settings, step: Step = lambda stage, done: None) -> Tensor:
        """Return audio (batch, 2, frames) at 48 kHz in float32, as loud as the model made it.

        A task of less than 5.12 s is played that long. `step` is called before the first and after
        every diffusion step and before every tile that is decoded; what it raises ends the run.
        Raises EngineError.
        """
        step("diffuse", 0.0)
        latents = self.latents_of(task, settings, lambda done: step("diffuse", done))
        step("decode", 0.0)
        with torch.inference_mode(), self._placement.on_device("vae"):
            return codec.decode(
                self.vae,
                latents.to(self._placement.device),
                tile=self._placement.mode.tile,
                step=lambda done: step("decode", done),
            )

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def latents_of(
        self, task: Task, settings: Settings, step: Callable[[float], None] = lambda done: None
    ) -> Tensor:
        """The latents (batch, frames, channels) that play() decodes, in float32."""
        device = self._placement.device
        frames = max(task.frames, MIN_FRAMES)
        times = schedule(settings.steps, settings.shift)
        start = noise(task.seeds, frames, self.channels).to(device)
        source = self._source(task, frames) if task.source is not None else None
        inside = None  # 1 inside the window, 0 outside: (1, frames, 1)
        if task.window is not None:
            inside = torch.zeros(1, frames, 1, device=device)
            inside[:, max(task.window[0], 0) : task.window[1]] = 1.0
        latents = start
        if task.kept_share and source is not None:
            times = times[min(int(len(times) * task.kept_share), len(times) - 1) :]
            latents = times[0] * start + (1 - times[0]) * source
        phases = self._phases(task, len(times), settings.chunk_mask, source, inside)
        null = self._null_states() if settings.guidance_scale > 1 else None

        def after_step(done: int, latents: Tensor) -> Tensor:
            if inside is not None and source is not None and done <= PROTECTED_SHARE * len(times):
                time = times[done] if done < len(times) else 0.0
                outside = time * start + (1 - time) * source
                latents = torch.lerp(outside, latents, inside)
            step(done / len(times))
            return latents

        with self._placement.on_device("transformer"):
            latents = sample(
                self._velocity,
                latents,
                times,
                phases,
                guidance_scale=settings.guidance_scale,
                null_states=null,
                dcw=settings.dcw,
                sampler=settings.sampler,
                seeds=task.seeds,
                after_step=after_step,
            )
        if inside is not None and source is not None:
            latents = torch.lerp(source.expand_as(latents), latents, inside)
        return latents

    def example(self, prompt: Prompt, sound: Clip) -> tuple[Tensor, Tensor]:
        """What to learn of a sound: latents (1, frames, channels), and states of its words."""
        task = Task(prompt, 0, ())
        with torch.inference_mode():
            latents = self._latents_of(torch.from_numpy(stereo(sound, SAMPLE_RATE).samples.copy()))
            (states,) = self._encoded(task)
        return latents.clone(), states.clone()

    def _phases(
        self,
        task: Task,
        steps: int,
        chunk_mask: float,
        source: Tensor | None,
        inside: Tensor | None,
    ) -> list[Phase]:
        """The contexts of the run, one after the other; the mask of a repaint is its window."""
        silence = self._silence(max(task.frames, MIN_FRAMES)).to(self._placement.device)
        whole = torch.full_like(silence, chunk_mask)
        song = torch.cat([silence, whole], dim=-1)
        name = task.prompt.task
        if name == "text2music" or (source is None and not task.codes):
            return [Phase(steps, torch.cat(self._encoded(task, *task.prompts)), song)]
        if name == "cover":
            if source is None:
                guide = self._planned(task)[:, : silence.shape[1]]
            else:
                guide = source if task.raw else self._coded(source, task)
            whole = whole.expand(guide.shape[0], -1, -1)
            share = int(steps * task.cover_share)
            after = task.prompt.for_task("text2music") if share < steps else task.prompt
            covered, free = self._encoded(task, task.prompt, after)
            cover = Phase(share, covered, torch.cat([guide, whole], dim=-1))
            return [cover, Phase(steps - share, free, song)]
        (states,) = self._encoded(task)
        if name == "repaint" and inside is not None:
            mask = inside.expand_as(silence)
            context = torch.cat([torch.lerp(source, silence, inside), mask], dim=-1)
            return [Phase(steps, states, context)]
        return [Phase(steps, states, torch.cat([source, whole], dim=-1))]

    def _encoded(self, task: Task, *prompts: Prompt) -> list[Tensor]:
        """Condition states (1, tokens, channels) of prompts, or of the task's, with its timbre."""
        reference = digest(task.reference) if task.reference else ""
        names = [(prompt, reference) for prompt in prompts or (task.prompt,)]
        known = all(name in self._known for name in names)
        token = self._timbre(task)
        with self._placement.on_device(*() if known else ("text_encoder", "condition_encoder")):
            return [self._once(name, partial(self.words.encode, name[0], token)) for name in names]

    def _null_states(self) -> Tensor:
        """What guidance steers away from: the learned state of no words, one token."""
        empty = getattr(self.condition_encoder, "null_condition_emb", None)
        if empty is None:
            raise EngineError("these weights hold no null condition, so guidance cannot work")
        return empty.to(self._placement.device, self.transformer.dtype)

    def _timbre(self, task: Task) -> Tensor:
        """One token (1, 1, channels) for the timbre of the reference, or of silence."""
        reference = task.reference

        def make() -> Tensor:
            if reference is None:
                latents = self._silence(TIMBRE_SECONDS * FRAMES_A_SECOND)
            else:
                sound = torch.from_numpy(stereo(reference, SAMPLE_RATE).samples.copy())
                latents = self._latents_of(timbre_excerpt(sound))
            with self._placement.on_device("condition_encoder"):
                encoder = self.condition_encoder
                return timbre_token(
                    encoder.timbre_encoder,
                    latents.to(self._placement.device),
                    # of XL, whose transformer is wider than its encoders
                    own_token=self.transformer.config.hidden_size != encoder.config.hidden_size,
                )

        return self._once(("timbre", digest(reference) if reference else ""), make)

    def _source(self, task: Task, frames: int) -> Tensor:
        """Latents (1, frames, channels) of the source, cut or filled up with silence."""
        source = task.source
        assert source is not None

        def make() -> Tensor:
            sound = torch.from_numpy(stereo(source, SAMPLE_RATE).samples.copy())
            return self._latents_of(sound).cpu()

        latents = self._once(digest(source), make)[:, :frames]
        silence = self._silence(frames)[:, latents.shape[1] :]
        return torch.cat([latents, silence], dim=1).to(self._placement.device)

    def _latents_of(self, sound: Tensor) -> Tensor:
        with self._placement.on_device("vae"):
            return codec.encode(self.vae, sound, tile=self._placement.mode.tile)

    def _coded(self, source: Tensor, task: Task) -> Tensor:
        """The source as its 5 Hz codes leave it: the tune and the rhythm, less of the sound."""
        self._check_tokenizer("they cannot cover a melody; use melody mode raw, or other weights")

        def make() -> Tensor:
            dtype = self.audio_tokenizer.dtype
            with self._placement.on_device("audio_tokenizer", "audio_token_detokenizer"):
                silence = self.condition_encoder.silence_latent.to(source.device, dtype)
                tokens, _ = self.audio_tokenizer.tokenize(source.to(dtype), silence)
                return self.audio_token_detokenizer(tokens).float()

        assert task.source is not None
        frames = source.shape[1]
        return self._once(("codes", digest(task.source), frames), make)[:, :frames]

    def _planned(self, task: Task) -> Tensor:
        """The latents (batch, frames, channels) that a task's codes stand for."""
        self._check_tokenizer("they cannot play planned codes; use other weights")
        with self._placement.on_device("audio_tokenizer", "audio_token_detokenizer"):
            codes = torch.tensor(task.codes, device=self.audio_tokenizer.device).unsqueeze(-1)
            tokens = self.audio_tokenizer.quantizer.get_output_from_indices(codes)
            detokenizer = self.audio_token_detokenizer
            planned: Tensor = detokenizer(tokens.to(detokenizer.dtype)).float()
            return planned

    def _check_tokenizer(self, consequence: str) -> None:
        if self.audio_tokenizer is None or self.audio_token_detokenizer is None:
            raise EngineError(f"these weights lack the audio tokenizer, so {consequence}")

    def _silence(self, frames: int) -> Tensor:
        """The latents of silence, which the checkpoint brings along, float32 on the CPU."""
        silence = self.condition_encoder.silence_latent.to("cpu", torch.float32)
        repeats = -(-frames // silence.shape[1])
        return silence.repeat(1, repeats, 1)[:, :frames]

    def _once(self, name: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """What is known under a name, or else what `make` gives; the oldest is forgotten."""
        if name not in self._known:
            self._known[name] = make()
        self._known.move_to_end(name)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[name]
