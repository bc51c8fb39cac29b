"""Generates latents from an Intent by flow sampling, window after window.

A window is 36 beats, as in training. A longer piece is generated in windows that begin at bars and
overlap by a third; each continues the music before it (inpainting), so cost grows linearly and
there is no seam: every latent frame is generated once. Between steps, similar bars are brought to
agree on their rhythm (diffusion.embedded.repetition). Knows nothing of sound.

Rectified flow goes straight from noise to latents: clean latents x and noise e are joined by
x_t = (1 - t) x + t e (Liu et al. 2022); a network that predicts x gives the flow as (x_t - x) / t.
Time steps are crowded towards the noise end, where what is played is decided, by the shift of Esser
et al. 2024 (as ACE-Step 1.5 does).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch

from diffusion.embedded.backbone import Backbone
from diffusion.embedded.intent import WINDOW_FRAMES, Intent, features, pack_input
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, PARTS
from diffusion.embedded.repetition import averaging

SHIFT = 3.0
OVERLAP_FRAMES = 12 * FRAMES_PER_BEAT
STEPS = 6  # more steps play no better, and too few notes (docs/lab/training.md)


Predict = Callable[[torch.Tensor, float], torch.Tensor]  # (noisy latents, time) -> clean latents


def windows(frames: int, bar_frames: list[int]) -> list[int]:
    """Return the first frame of each window of a piece; each is the first frame of a bar."""
    starts = [0]
    while starts[-1] + WINDOW_FRAMES < frames:
        latest = starts[-1] + WINDOW_FRAMES - OVERLAP_FRAMES
        following = [b for b in bar_frames if starts[-1] < b <= latest]
        # A bar longer than the step is cut where the step ends.
        starts.append(following[-1] if following else latest)
    return starts


def generate_latents(
    network: Backbone,
    intent: Intent,
    seed: int,
    *,
    step: Callable[[float], None],
    known: np.ndarray | None = None,
    known_parts: np.ndarray | None = None,
    steps: int = STEPS,
) -> np.ndarray:
    """Return latents (frames, channels) float32 for `intent`.

    `known` latents are kept where `known_parts` (frames, parts) is 1. `step` is called with the
    fraction done before every step and at the end, and may raise to stop.
    """
    all_features = features(intent)
    frames = len(all_features)
    out = np.zeros((frames, LAYOUT.channels), np.float32) if known is None else known.copy()
    kept = np.zeros((frames, len(PARTS)), np.float32) if known_parts is None else known_parts.copy()
    bar_frames = [round(float(b) * FRAMES_PER_BEAT) for b in intent.grid.bar_starts]
    starts = windows(frames, bar_frames)
    device = next(network.parameters()).device
    # The whole piece's noise at once: a frame's noise does not depend on the windows.
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(frames, LAYOUT.channels, generator=generator).numpy()
    for index, begin in enumerate(starts):
        end = min(begin + WINDOW_FRAMES, frames)
        if kept[begin:end].all():
            continue

        def each_step(done: int, index: int = index) -> None:
            step((index + done / steps) / len(starts))

        context = pack_input(all_features[begin:end], out[begin:end], kept[begin:end])
        with torch.inference_mode():
            sampled = sample(
                _predictor(network, context, intent.tokens),
                _padded(noise[begin:end], device),
                schedule(steps),
                known=_padded(out[begin:end], device),
                known_mask=_padded(kept[begin:end, LAYOUT.owners], device),
                each_step=each_step,
                refine=averaging([b - begin for b in bar_frames if begin <= b <= end]),
            )
        out[begin:end] = sampled[0, : end - begin].cpu().numpy()
        kept[begin:end] = 1.0
    step(1.0)
    return out


def _padded(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """The frames of one window (1, WINDOW_FRAMES, channels), zeros after the last."""
    whole = np.zeros((1, WINDOW_FRAMES, array.shape[-1]), np.float32)
    whole[0, : len(array)] = array
    return torch.from_numpy(whole).to(device)


def _predictor(network: Backbone, context: np.ndarray, tokens: tuple[int, ...]) -> Predict:
    device = next(network.parameters()).device
    given = torch.from_numpy(context)[None].to(device)
    words = torch.tensor([tokens], device=device)

    def predict(x: torch.Tensor, now: float) -> torch.Tensor:
        time = torch.full((1,), now, device=device)
        # On a CPU in full precision: without bfloat16 in hardware it takes up to 14 times as long.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type != "cpu"):
            return network(x, time, given, words).float()

    return predict


def shifted(time: torch.Tensor, shift: float = SHIFT) -> torch.Tensor:
    """Return `time` in 0..1 moved towards 1: shift t / (1 + (shift - 1) t)."""
    return shift * time / (1.0 + (shift - 1.0) * time)


def schedule(steps: int, shift: float = SHIFT) -> list[float]:
    """Return steps + 1 falling times from 1 (noise) to 0 (clean)."""
    return [float(t) for t in shifted(torch.linspace(1.0, 0.0, steps + 1), shift)]


def sample(
    predict: Predict,
    noise: torch.Tensor,
    times: list[float],
    *,
    known: torch.Tensor,
    known_mask: torch.Tensor,
    each_step: Callable[[int], None],
    refine: Callable[[torch.Tensor], torch.Tensor] = lambda clean: clean,
) -> torch.Tensor:
    """Return clean latents by Euler steps along the flow from `noise` (batch, frames, channels).

    Where `known_mask` is 1 the network is shown `known` without noise, as in training, and it is
    what comes out (inpainting). Every prediction passes through `refine`. `each_step` is called
    before every step and may raise to stop.
    """
    x = noise
    for step, (now, then) in enumerate(itertools.pairwise(times)):
        each_step(step)
        clean = predict(torch.where(known_mask > 0, known, x), now)
        clean = refine(torch.where(known_mask > 0, known, clean))
        clean = torch.where(known_mask > 0, known, clean)
        x = clean + (x - clean) * (then / now)
    return x
