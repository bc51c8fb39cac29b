"""The way from words to sound on the networks of diffusers' Stable Audio 3, with its traps mended.

The stock pipelines draw noise where and as precisely as the networks compute; here it is the same
on any device, each take's from its own seed. Where a sound is kept under noise, the stock schedule
first adds noise to it; here noise only falls. The stock decoder masks attention over all of a
piece at once, 19 GB for 380 s; here it works in tiles. The stock cuts peaks off at full level and
the ends of long captions, where the tempo stands; here neither is lost.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import StableAudio3Pipeline
from diffusers.pipelines.stable_audio_3.pipeline_stable_audio_3 import logsnr_sigma_schedule
from safetensors import SafetensorError
from torch import Tensor

from audio.clip import stereo
from diffusion.errors import EngineError
from diffusion.stable_audio.task import Task

NOISIEST, CLEANEST = -6.2, 2.0  # log of signal over noise where the schedule begins and ends
LEAST_WAY = 2.0  # of that logarithm, where a sound begins nearly clean
MAX_TOKENS = 256
ROUNDING = 1e-6  # of a latent
TILE_FRAMES = 128  # latents of the autoencoder that are worked on at once: 12 s

Step = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a checkpoint is sampled; `sampler` is pingpong (new noise each step) or euler."""

    steps: int
    guidance_scale: float
    sampler: str


DISTILLED, UNDISTILLED = Settings(8, 1.0, "pingpong"), Settings(100, 1.0, "euler")


def read(folder: Path, dtype: torch.dtype, device: torch.device) -> StableAudio3Pipeline:
    """The pipeline of a folder in diffusers' layout, the autoencoder in float32; EngineError."""
    from diffusers.utils import logging
    from transformers.utils import logging as transformers_logging

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.disable_progress_bar()
            transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            pipeline: StableAudio3Pipeline = StableAudio3Pipeline.from_pretrained(
                folder,
                torch_dtype={"vae": torch.float32, "default": dtype},
                local_files_only=True,
                use_safetensors=True,
            )
    except (
        OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, SafetensorError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:200]
        raise EngineError(f"the weights in {folder} cannot be loaded: {reason}") from error
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False).to(device)
    return pipeline


def default_settings(pipeline: Any) -> Settings:
    """How the checkpoint was made to be sampled: its scheduler says whether it is distilled."""
    return DISTILLED if pipeline.scheduler.config.stochastic_sampling else UNDISTILLED


def schedule(steps: int, noise_level: float = 1.0) -> tuple[float, ...]:
    """Times from `noise_level` down, without the final 0, even in the logarithm of the noise.

    From noise alone (1) they are the stock pipeline's; from less, its first steps would go up.
    """
    if noise_level >= 1:
        return tuple(logsnr_sigma_schedule(steps, NOISIEST, CLEANEST))
    begin = math.log((1 - noise_level) / noise_level)
    levels = torch.linspace(begin, max(CLEANEST, begin + LEAST_WAY), steps + 1)[:-1]
    return (noise_level, *torch.sigmoid(-levels)[1:].tolist())


@torch.inference_mode()  # type: ignore[untyped-decorator]
def play(pipeline: Any, task: Task, settings: Settings, step: Step) -> Tensor:
    """Sound (batch, 2, frames) at the autoencoder's rate, float32, as loud as the model made it.

    `step` is called before the first and after each diffusion step and before each tile that is
    decoded; what it raises ends the run. Raises EngineError.
    """
    step("diffuse", 0.0)
    latents = latents_of(pipeline, task, settings, lambda done: step("diffuse", done))
    step("decode", 0.0)
    sound = decode(pipeline.vae, latents, lambda done: step("decode", done))
    return sound[:, :, : int(task.seconds * pipeline.vae.config.sampling_rate)]


@torch.inference_mode()  # type: ignore[untyped-decorator]
def latents_of(
    pipeline: Any, task: Task, settings: Settings, step: Callable[[float], None] = lambda done: None
) -> Tensor:
    """The latents (batch, channels, frames) that play() decodes, in float32."""
    vae, device = pipeline.vae, pipeline.transformer.device
    limit = float(pipeline.duration_embedder.config.max_val)
    if task.seconds > limit:
        raise EngineError(
            f"these weights play up to {limit:g} s, not {task.seconds:.1f} s; ask for fewer bars"
        )
    frames = math.ceil(task.seconds * vae.config.sampling_rate / vae.downsampling_ratio)
    shape = (int(vae.config.latent_dim), frames)
    generators = [torch.Generator().manual_seed(seed) for seed in task.seeds]
    latents = _drawn(generators, shape).to(device)
    times = schedule(settings.steps, task.noise_level if task.window is None else 1.0)
    local = None
    if task.source is not None:
        source = _source(vae, task, frames)
        if task.window is None:
            latents = (1 - task.noise_level) * source + task.noise_level * latents
        else:
            local = _kept(source, _inside(task, vae, frames).to(device))
    words = _words(pipeline, task, settings.guidance_scale > 1)
    for done, (time, following) in enumerate(zip(times, (*times[1:], 0.0), strict=True), 1):
        direction = _velocity(pipeline, latents, time, words, local, settings.guidance_scale)
        if settings.sampler == "pingpong":
            noise = _drawn(generators, shape).to(device)
            latents = (1 - following) * (latents - time * direction) + following * noise
        else:
            latents = latents + (following - time) * direction
        step(done / len(times))
    return latents


def decode(vae: Any, latents: Tensor, step: Callable[[float], None] = lambda done: None) -> Tensor:
    """Sound of latents (batch, channels, frames), in tiles so wide that no edge is heard."""
    reach, hop = reach_of(vae), int(vae.downsampling_ratio)
    batch, _, frames = latents.shape
    sound = torch.empty(batch, int(vae.config.audio_channels), frames * hop)
    kept = TILE_FRAMES - 2 * reach
    for item in range(batch):
        for start in range(0, frames, kept):
            step((item + start / frames) / batch)
            end, first = min(start + kept, frames), max(start - reach, 0)
            piece = latents[item : item + 1, :, first : min(end + reach, frames)]
            decoded = vae.decode(piece.to(vae.dtype)).sample[0]
            wanted = slice((start - first) * hop, (end - first) * hop)
            sound[item, :, start * hop : end * hop] = decoded[:, wanted]
    return sound


def encode(vae: Any, sound: Tensor) -> Tensor:
    """Latents (1, channels, frames) of sound (2, frames) at the autoencoder's rate, in tiles."""
    reach, hop = reach_of(vae), int(vae.downsampling_ratio)
    sound = torch.nn.functional.pad(sound, (0, -sound.shape[-1] % hop))
    frames, kept, found = sound.shape[-1] // hop, TILE_FRAMES - 2 * reach, []
    for start in range(0, frames, kept):
        end, first = min(start + kept, frames), max(start - reach, 0)
        piece = sound[None, :, first * hop : min(end + reach, frames) * hop]
        encoded = vae.encode(piece.to(vae.device, vae.dtype)).latents
        found.append(encoded[:, :, start - first : end - first])
    return torch.cat(found, dim=-1).float()


def reach_of(vae: Any) -> int:
    """Latents to either side that what is kept of a tile can depend on: a window each layer."""
    config = vae.config
    return int(sum(config.encoder_transformer_depths) * config.sliding_window) + 1


def fitted(tokenizer: Any, caption: str) -> str:
    """The caption short enough for the model: words go from the middle, tempo and key stay."""
    style, comma, facts = caption.rpartition(", ")
    head, second, tempo = style.rpartition(", ")
    words = head.split(" ")
    while len(words) > 1 and len(tokenizer(caption).input_ids) > MAX_TOKENS:
        words.pop()
        caption = f"{' '.join(words).rstrip(',')}{second}{tempo}{comma}{facts}"
    return caption


def _source(vae: Any, task: Task, frames: int) -> Tensor:
    """Latents (1, channels, frames) of the source, cut or filled up with those of silence."""
    assert task.source is not None
    clip = stereo(task.source, int(vae.config.sampling_rate))
    sound = torch.from_numpy(clip.samples.copy())
    wanted = frames * int(vae.downsampling_ratio)
    sound = torch.nn.functional.pad(sound[:, :wanted], (0, max(wanted - sound.shape[1], 0)))
    return encode(vae, sound)


def _inside(task: Task, vae: Any, frames: int) -> Tensor:
    """1 in the window, 0 outside: (1, 1, frames); frames that it touches are made anew."""
    assert task.window is not None
    rate = vae.config.sampling_rate / vae.downsampling_ratio
    inside = torch.zeros(1, 1, frames)
    first, end = (time * rate for time in task.window)
    inside[:, :, math.floor(first + ROUNDING) : math.ceil(end - ROUNDING)] = 1.0
    return inside


def _kept(source: Tensor, inside: Tensor) -> Tensor:
    """What the transformer is told of a source: 1 where it stays, and its latents there."""
    return torch.cat([1 - inside, source * (1 - inside)], dim=1)


def _words(pipeline: Any, task: Task, guided: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Context, its mask and the state of the length, of no words and then the caption's."""
    device = pipeline.transformer.device
    captions = ["", task.caption] if guided else [task.caption]
    states, mask = pipeline.encode_prompt(captions, device, 1)
    length = pipeline.encode_duration(task.seconds, device, 1, len(captions))
    context, mask = pipeline.prepare_cross_attention(states, mask, length)
    return context, mask, length


def _velocity(
    pipeline: Any,
    latents: Tensor,
    time: float,
    words: Sequence[Tensor],
    local: Tensor | None,
    guidance_scale: float,
) -> Tensor:
    network, batch = pipeline.transformer, latents.shape[0]
    context, mask, length = (each.repeat_interleave(batch, dim=0) for each in words)
    items = context.shape[0]
    found = network(
        latents.repeat(items // batch, 1, 1).to(network.dtype),
        torch.full((items,), time, device=latents.device),
        encoder_hidden_states=context.to(network.dtype),
        global_hidden_states=length.to(network.dtype),
        encoder_attention_mask=mask,
        local_add_cond=None if local is None else local.expand(items, -1, -1).to(network.dtype),
        return_dict=False,
    )[0].float()
    if items == batch:
        return Tensor(found)
    without, with_words = found.chunk(2)
    return Tensor(without + guidance_scale * (with_words - without))


def _drawn(generators: Sequence[torch.Generator], shape: tuple[int, int]) -> Tensor:
    return torch.cat([torch.randn(1, *shape, generator=each) for each in generators])
