"""Generates latents from an Intent by flow sampling, window after window.

A window is 36 beats, as in training. A longer piece is generated in windows that begin at bars and
overlap by a third; each continues the music before it (inpainting), so cost grows linearly and
there is no seam: every latent frame is generated once. Between steps, similar bars are brought to
agree on their rhythm (diffusion.embedded.repetition). A window is read as notes and written down
again before the next one continues it: what it continues is music, not the network's doubt.
Knows nothing of sound.

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
from diffusion.embedded.intent import (
    WINDOW_FRAMES,
    Intent,
    chord_doubt,
    drop,
    features,
    pack_input,
    silent_frames,
)
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, PARTS, encode
from diffusion.embedded.note_extraction import decode
from diffusion.embedded.repetition import averaging

SHIFT = 3.0
OVERLAP_FRAMES = 12 * FRAMES_PER_BEAT
_CONSTANT = np.concatenate([np.r_[LAYOUT.timbre[part], LAYOUT.gain[part]] for part in PARTS])
# How likely a hit must be: drawn between these for each drum and part. By SURE the network's
# estimates are sharpened from time DECIDING on: left alone, a mean of hits that exclude each
# other stays a mean.
ENOUGH, SURE, DECIDING = (0.2, 0.4), 2.0, 0.9
GUIDANCE = 1.0
GUIDED = ("harmony", "section", "intensity")  # what guidance leads towards, beside the words
STEPS = 6  # more steps play no better, and too few notes (docs/lab/training.md)


Predict = Callable[[torch.Tensor, float], torch.Tensor]  # (noisy latents, time) -> clean latents
Refine = Callable[[torch.Tensor, float], torch.Tensor]  # (clean latents, time) -> clean latents


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
    guidance: float = GUIDANCE,
) -> np.ndarray:
    """Return latents (frames, channels) float32 for `intent`, settled on notes.

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
    silent = silent_frames(intent)[:, LAYOUT.owners] & LAYOUT.binary
    doubt = chord_doubt(intent)
    for index, begin in enumerate(starts):
        end = min(begin + WINDOW_FRAMES, frames)
        if kept[begin:end].all():
            continue

        def each_step(done: int, index: int = index) -> None:
            step((index + done / steps) / len(starts))

        quiet = _padded(silent[begin:end], device) > 0
        strange = _padded(doubt[begin:end], device)
        refine = _refining(bar_frames, begin, end, seed, quiet, strange)
        context = pack_input(all_features[begin:end], out[begin:end], kept[begin:end])
        with torch.inference_mode():
            sampled = sample(
                _predictor(network, context, intent.tokens, guidance),
                _padded(noise[begin:end], device),
                schedule(steps),
                known=_padded(out[begin:end], device),
                known_mask=_padded(kept[begin:end, LAYOUT.owners], device),
                each_step=each_step,
                refine=refine,
                expected=_expected,
            )
        written = settled(sampled[0, : end - begin].cpu().numpy())
        if begin:  # the sounds and levels of the first window are those of the piece
            written[:, _CONSTANT] = out[0, _CONSTANT]
        out[begin:end] = np.where(kept[begin:end, LAYOUT.owners] > 0, out[begin:end], written)
        kept[begin:end] = 1.0
    step(1.0)
    return out


def settled(latents: np.ndarray) -> np.ndarray:
    """Return `latents` (frames, channels) read as notes and written down again."""
    return encode(decode(latents, 0, len(latents) / FRAMES_PER_BEAT), 0)


def _refining(
    bar_frames: list[int],
    begin: int,
    end: int,
    seed: int,
    quiet: torch.Tensor,
    strange: torch.Tensor,
) -> Refine:
    """Bring bars to agree, what is doubtful to a decision, and what is `quiet` to silence.

    Notes that are `strange` to the chord (in logits) are made less likely by so much.

    Each drum and each part has a chance of its own, drawn by `seed`, above which it leans towards
    being struck: one that half of all drummers would play is played throughout or not at all.
    """
    agree = averaging([bar - begin for bar in bar_frames if begin <= bar <= end])
    enough = np.random.default_rng([seed, 1]).uniform(*ENOUGH, size=LAYOUT.channels)
    lean = torch.from_numpy(np.log(1.0 / enough - 1.0)).float().to(quiet.device)
    struck = torch.from_numpy(LAYOUT.is_struck).to(quiet.device)

    def refine(clean: torch.Tensor, now: float) -> torch.Tensor:
        out = agree(clean)
        logit = 2.0 * torch.atanh(out.clamp(-0.9999, 0.9999))
        out = torch.where(strange > 0, torch.tanh((logit - strange) / 2.0), out)
        if now < DECIDING:
            out = torch.where(struck, torch.tanh(SURE * (logit + lean) / 2.0), out)
        return out.masked_fill(quiet, -1.0)

    return refine


def _padded(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """The frames of one window (1, WINDOW_FRAMES, channels), zeros after the last."""
    whole = np.zeros((1, WINDOW_FRAMES, array.shape[-1]), np.float32)
    whole[0, : len(array)] = array
    return torch.from_numpy(whole).to(device)


def _predictor(
    network: Backbone, context: np.ndarray, tokens: tuple[int, ...], guidance: float
) -> Predict:
    """Predict as asked, or by `guidance` (over 1) further from the same with less told."""
    device = next(network.parameters()).device
    contexts, worded = [context], [tokens]
    if guidance != 1.0:
        contexts.append(context.copy())
        drop(contexts[1], GUIDED)
        worded.append((0,) * len(tokens))
    given = torch.from_numpy(np.stack(contexts)).to(device)
    words = torch.tensor(worded, device=device)
    binary = torch.from_numpy(LAYOUT.binary).to(device)

    def predict(x: torch.Tensor, now: float) -> torch.Tensor:
        time = torch.full((len(given),), now, device=device)
        # On a CPU in full precision: without bfloat16 in hardware it takes up to 14 times as long.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type != "cpu"):
            both = network(x.expand(len(given), -1, -1), time, given, words).float()
        predicted = both[:1] if guidance == 1.0 else both[1:] + guidance * (both[:1] - both[1:])
        return torch.where(binary, torch.tanh(predicted / 2.0), predicted)

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
    refine: Refine = lambda clean, now: clean,
    expected: Callable[[torch.Tensor], torch.Tensor] = lambda clean: clean,
) -> torch.Tensor:
    """Return clean latents by Euler steps along the flow from `noise` (batch, frames, channels).

    Where `known_mask` is 1 the network is shown `known` without noise, as in training, and it is
    what comes out (inpainting). Every prediction passes through `refine`; the flow
    leads to what is `expected` by it. `each_step` is called before every step and may raise to
    stop.
    """
    clean = x = noise
    for step, (now, then) in enumerate(itertools.pairwise(times)):
        each_step(step)
        clean = predict(torch.where(known_mask > 0, known, x), now)
        clean = refine(torch.where(known_mask > 0, known, clean), now)
        clean = torch.where(known_mask > 0, known, clean)
        end = torch.where(known_mask > 0, known, expected(clean))
        x = end + (x - end) * (then / now)
    return clean


def _expected(clean: torch.Tensor) -> torch.Tensor:
    """The mean of the latents where `clean` holds chances, and velocities if something is struck.

    Velocities and offsets are 0 where nothing is struck.
    """
    out = clean.clone()
    for part in PARTS:
        chance = ((clean[..., LAYOUT.struck(part)] + 1.0) / 2.0).clamp(0.0, 1.0)
        out[..., LAYOUT.velocity[part]] *= chance
        out[..., LAYOUT.offset[part]] *= chance.amax(-1)
    return out
