"""The band writes: Intent -> latents by flow sampling, window after window.

A window is 36 beats, as in training; a longer piece is written in windows that begin at bars and
overlap by a third, each continuing what is there (inpainting), so cost grows linearly and there
is no seam: every latent frame is written once. While they are written, bars that are alike agree
on their rhythm (repeating). Knows nothing of sound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from diffusion.embedded import flow, intent
from diffusion.embedded.backbone import Backbone
from diffusion.embedded.intent import Intent
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, PARTS
from diffusion.embedded.network_input import WINDOW_FRAMES, channel_mask, pack_input
from diffusion.embedded.repeating import agreeing

OVERLAP_FRAMES = 12 * FRAMES_PER_BEAT
STEPS = 6  # more steps play no better, and too little (docs/lab/training.md)
GUIDANCE = 1.0  # none: twice the cost, and it no longer pays (docs/lab/training.md)


def windows(frames: int, bar_frames: list[int]) -> list[int]:
    """Return the first frames of the windows that write a piece; every one is a bar's first."""
    starts = [0]
    while starts[-1] + WINDOW_FRAMES < frames:
        latest = starts[-1] + WINDOW_FRAMES - OVERLAP_FRAMES
        following = [b for b in bar_frames if starts[-1] < b <= latest]
        # A bar longer than the step is entered where the step ends.
        starts.append(following[-1] if following else latest)
    return starts


def write(
    network: Backbone,
    asked: Intent,
    seed: int,
    *,
    progress: Callable[[float], None],
    cancelled: Callable[[], None],
    known: np.ndarray | None = None,
    known_parts: np.ndarray | None = None,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
) -> np.ndarray:
    """Return latents (frames, channels) float32 for what was `asked`.

    `known` latents are kept where `known_parts` (frames, parts) is 1. `cancelled` is called
    before every step and raises to stop; `progress` gets a fraction 0..1.
    """
    told = intent.context(asked)
    frames = len(told)
    out = np.zeros((frames, LAYOUT.channels), np.float32) if known is None else known.copy()
    kept = np.zeros((frames, len(PARTS)), np.float32) if known_parts is None else known_parts.copy()
    bar_frames = [round(float(b) * FRAMES_PER_BEAT) for b in asked.grid.bar_starts]
    starts = windows(frames, bar_frames)
    # The whole piece's noise at once: a frame's noise does not depend on the windows.
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(frames, LAYOUT.channels, generator=generator).numpy()
    times = flow.schedule(steps)
    for index, begin in enumerate(starts):
        end = min(begin + WINDOW_FRAMES, frames)
        if kept[begin:end].all():
            continue

        def each_step(step: int, index: int = index) -> None:
            cancelled()
            progress((index + step / steps) / len(starts))

        with torch.inference_mode():
            out[begin:end] = _write_window(
                network,
                told[begin:end],
                asked.tokens,
                noise[begin:end],
                out[begin:end],
                kept[begin:end],
                times,
                guidance,
                each_step,
                agreeing([b - begin for b in bar_frames if begin <= b <= end]),
            )
        kept[begin:end] = 1.0
    progress(1.0)
    return out


def _write_window(
    network: Backbone,
    told: np.ndarray,
    tokens: tuple[int, ...],
    noise: np.ndarray,
    known: np.ndarray,
    kept: np.ndarray,
    times: list[float],
    guidance: float,
    each_step: Callable[[int], None],
    refine: Callable[[torch.Tensor], torch.Tensor],
) -> np.ndarray:
    length = len(told)
    device = next(network.parameters()).device

    def padded(array: np.ndarray) -> torch.Tensor:
        full = np.zeros((1, WINDOW_FRAMES, array.shape[-1]), np.float32)
        full[0, :length] = array
        return torch.from_numpy(full).to(device)

    contexts = [told]
    if guidance != 1.0:
        contexts.append(told.copy())
        intent.drop(contexts[1], ("harmony", "section", "intensity"))
    packed = np.stack([pack_input(each, known, kept) for each in contexts])
    context = torch.from_numpy(packed).to(device)
    words = torch.tensor([tokens, (0,) * len(tokens)], device=device)
    copies = len(context)

    def predict(x: torch.Tensor, now: float) -> torch.Tensor:
        time = torch.full((copies,), now, device=device)
        # On a CPU whole precision: without bfloat16 in hardware it takes up to 14 times as long.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type != "cpu"):
            clean = network(x.expand(copies, -1, -1), time, context, words[:copies])
        clean = clean.float()
        if copies == 1:
            return clean
        return clean[1:] + guidance * (clean[:1] - clean[1:])

    written = flow.sample(
        predict,
        padded(noise),
        times,
        known=padded(known),
        known_mask=padded(channel_mask(kept)),
        each_step=each_step,
        refine=refine,
    )
    latents: np.ndarray = written[0, :length].cpu().numpy()
    return latents
