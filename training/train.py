"""Train the embedded diffusion model on composed pieces.

    python -m training.train --data data/band.npz --minutes 60 --seed 1 --out data/run1

Every example is a window of 36 beats that begins at a bar. Conditions are dropped at random so
that each is optional; known music (earlier bars, other parts, both sides of a gap) is given at
random so that continuing, repainting and accompanying are learnt with composing.
Prints one line every --log steps; saves OUT/last.pt (resumed by --resume) and OUT/ema.safetensors,
each with the arguments and the commit. --tiny tries all of it in seconds on three pieces.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from diffusion.embedded.backbone import Backbone, load_backbone
from diffusion.embedded.intent import CONTEXT_CHANNELS, WINDOW_FRAMES, drop, pack_input
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, PARTS
from diffusion.embedded.sampler import shifted
from training.checkpoints import origin_of, write_origin
from training.dataset import LATENT_SCALE
from training.muon import Muon
from training.tiny import band_file, parsed

# How often each condition is left out.
DROP = {
    "tempo": 0.05, "key": 0.10, "tune": 0.30, "harmony": 0.20, "lead": 0.10,
    "section": 0.30, "intensity": 0.40, "presence": 0.25, "ending": 0.30,
}  # fmt: skip
ALONE = 0.15  # how often one part is learnt of a piece of which no other is known


@dataclass(frozen=True, slots=True)
class Batch:
    """clean (batch, frames, channels), context, tokens, loss mask (batch, frames, channels)."""

    clean: torch.Tensor
    context: torch.Tensor
    tokens: torch.Tensor
    mask: torch.Tensor
    known_mask: torch.Tensor


class Windows:
    """Random windows out of data files; the arrays stay in memory as they were stored.

    A share of ALONE of them is of pieces of which one part alone is known (a drummer's): only that
    part is learnt, and half of the time the others play any other music.
    """

    def __init__(self, paths: Sequence[Path], seed: int, *, tail: bool = False):
        files = [np.load(path) for path in paths]
        self.latents, self.context, self.tokens, self.only = (
            np.concatenate([file[name] for file in files])
            for name in ("latents", "context", "tokens", "only")
        )
        ends = np.cumsum([0] + [len(file["latents"]) for file in files])
        self.starts = np.concatenate(
            [[0], *(file["starts"][1:] + end for file, end in zip(files, ends, strict=False))]
        )
        self.bars = np.concatenate(
            [file["bars"] + end for file, end in zip(files, ends, strict=False)]
        )
        self.piece_of_bar = np.searchsorted(self.starts, self.bars, side="right") - 1
        # Every fiftieth piece is for validation only, of a few pieces the last.
        held = self.piece_of_bar % 50 == min(49, len(self.tokens) - 1)
        wanted = held if tail else ~held
        # A window should hold music: at least 12 beats before the piece ends.
        room = self.starts[self.piece_of_bar + 1] - self.bars >= 12 * FRAMES_PER_BEAT
        self.bars, self.piece_of_bar = self.bars[wanted & room], self.piece_of_bar[wanted & room]
        self.whole = np.flatnonzero(self.only[self.piece_of_bar] < 0)
        self.alone = np.flatnonzero(self.only[self.piece_of_bar] >= 0)
        self.random = np.random.default_rng(seed)

    def batch(self, size: int) -> Batch:
        """Return `size` random windows with random conditions given and random music known."""
        random = self.random
        clean = np.full((size, WINDOW_FRAMES, LAYOUT.channels), -1.0, np.float32)
        context = np.zeros((size, WINDOW_FRAMES, CONTEXT_CHANNELS), np.float32)
        known = np.zeros((size, WINDOW_FRAMES, len(PARTS)), np.float32)
        learnt = np.ones((size, 1, LAYOUT.channels), np.float32)
        tokens = np.zeros((size, self.tokens.shape[1]), np.int64)
        for i in range(size):
            alone = len(self.alone) and random.random() < ALONE
            pick = random.choice(self.alone if alone else self.whole)
            begin, piece = self.bars[pick], self.piece_of_bar[pick]
            end = min(begin + WINDOW_FRAMES, self.starts[piece + 1])
            length = end - begin
            clean[i, :length] = self.latents[begin:end] / LATENT_SCALE
            features = self.context[begin:end].astype(np.float32)
            tokens[i] = self.tokens[piece]
            dropped = [name for name, share in DROP.items() if random.random() < share]
            if alone:
                part = int(self.only[piece])
                learnt[i] = played_channels(part)
                if random.random() < 0.5:
                    self._accompany(clean[i, :length], part)
                    dropped.append("presence")
            drop(features, dropped)
            tokens[i] *= random.random(len(tokens[i])) > 0.3
            if random.random() < 0.12:
                tokens[i] = 0
            if not alone:
                self._choose_known(known[i], length)
            context[i] = pack_input(features, clean[i, :length], known[i, :length])
        channels = known[..., LAYOUT.owners]
        mask = (1.0 - channels) * context[..., -1:] * learnt
        return Batch(*(torch.from_numpy(a) for a in (clean, context, tokens, mask, channels)))

    def _accompany(self, clean: np.ndarray, part: int) -> None:
        """Let parts other than `part` play, in place, what they do in some composed window."""
        pick = self.random.choice(self.whole)
        begin = self.bars[pick]
        end = min(begin + len(clean), self.starts[self.piece_of_bar[pick] + 1])
        others = LAYOUT.owners != part
        clean[: end - begin, others] = self.latents[begin:end, others] / LATENT_SCALE

    def _choose_known(self, known: np.ndarray, length: int) -> None:
        """Mark, in place, what is given: nothing, the beginning, all but a gap, or some parts."""
        random = self.random
        kind = random.random()
        if kind < 0.5:
            return
        cut = int(random.integers(4, 25)) * FRAMES_PER_BEAT
        if kind < 0.72:
            known[: min(cut, length)] = 1.0
        elif kind < 0.82:
            known[:length] = 1.0
            at = int(random.integers(0, max(1, length - cut)))
            parts = random.random(len(PARTS)) < random.choice([0.3, 1.0])
            known[at : at + cut, parts] = 0.0
        else:
            known[:length, random.random(len(PARTS)) < 0.5] = 1.0


def noisy_latents(clean: torch.Tensor, noise: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """Return x_t for `time` (batch,) of latents (batch, frames, channels)."""
    t = time.view(-1, 1, 1)
    return (1.0 - t) * clean + t * noise


def played_channels(part: int) -> np.ndarray:
    """Return (channels,) float32, 1 for what `part` plays, 0 for timbre, level and other parts."""
    chosen: np.ndarray = (LAYOUT.owners == part).astype(np.float32)
    chosen[LAYOUT.timbre[PARTS[part]]] = chosen[LAYOUT.gain[PARTS[part]]] = 0.0
    return chosen


def channel_weights() -> torch.Tensor:
    """Return (channels,) weights: parts alike, sparse hits, onsets and velocities worth more."""
    weights = torch.ones(LAYOUT.channels)
    for part in PARTS:
        weights[LAYOUT.notes[part]] = {"drums": 4.0, "comp": 2.0}.get(part, 1.5)
        weights[LAYOUT.struck(part)] = 4.0
        weights[LAYOUT.velocity[part]] = 24.0
        weights[LAYOUT.offset[part]] = 8.0
        weights[LAYOUT.gain[part]] = 1.0
        weights[LAYOUT.timbre[part]] = 0.5
    return weights


def where_struck(clean: torch.Tensor) -> torch.Tensor:
    """Return 1 where `clean` counts, 0 for velocities and offsets of what is not struck."""
    counts = torch.ones_like(clean)
    for part in PARTS:
        struck = (clean[..., LAYOUT.struck(part)] > 0).float()
        counts[..., LAYOUT.velocity[part]] = struck
        counts[..., LAYOUT.offset[part]] = struck.amax(-1)
    return counts


def loss_of(model: Backbone, batch: Batch, generator: torch.Generator) -> torch.Tensor:
    """Return the mean loss of the predicted clean latents where they are not known.

    Cross-entropy for what is struck or sounds, the squared error for the rest, velocities and
    offsets only where something is struck.
    """
    size = len(batch.clean)
    uniform = torch.sigmoid(torch.randn(size, generator=generator))
    time_ = shifted(uniform).clamp(0.02, 1.0)
    noise = torch.randn(batch.clean.shape, generator=generator)
    noisy = noisy_latents(batch.clean, noise, time_)
    noisy = torch.where(batch.known_mask > 0, batch.clean, noisy)
    # On a CPU plain matrix products beat the fused attention by half at this length (144 tokens).
    with sdpa_kernel(SDPBackend.MATH):
        predicted = model(noisy, time_, batch.context, batch.tokens).float()
    binary = torch.from_numpy(LAYOUT.binary)
    unsure = torch.nn.functional.softplus(-predicted * batch.clean)
    error = torch.where(binary, unsure, (predicted - batch.clean).square())
    error = error * batch.mask * where_struck(batch.clean) * channel_weights()
    per_clip = error.sum((1, 2)) / batch.mask.sum((1, 2)).clamp_min(1.0)
    return (per_clip / time_.clamp_min(0.25)).mean()


def optimisers_of(model: Backbone, rate: float) -> list[torch.optim.Optimizer]:
    """Return Muon for the layers' matrices (Jordan 2024) and AdamW for everything else."""
    matrices = [p for p in model.transformer.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, rate),
        torch.optim.AdamW(rest, rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Train for so many minutes and save the weights' running average."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", help="files of training.dataset, grooves")
    parser.add_argument("--from", type=Path, dest="start", help="weights to go on from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--log", type=int, default=50)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--final", type=float, default=0.02, help="last rate over the first")
    parser.add_argument("--compile", action="store_true", help="compile the layers: twice as fast")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=8)
    args = parsed(parser, argv, minutes=0.01, batch=2, hidden=64, layers=1)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    data = [band_file(args.out)] if args.tiny else args.data
    windows = Windows(data, args.seed)
    held = Windows(data, 999, tail=True)
    validation = [held.batch(args.batch) for _ in range(4)]
    model = Backbone(hidden=args.hidden, layers=args.layers, heads=args.hidden // 64)
    if args.start:
        model.load_state_dict(load_backbone(args.start, "cpu").state_dict())
    average = {k: v.clone() for k, v in model.state_dict().items()}
    if args.compile:
        for layer in model.transformer.layers:
            layer.compile()
    optimisers = optimisers_of(model, args.rate)
    generator = torch.Generator().manual_seed(args.seed)
    step, spent = 0, 0.0
    checkpoint = args.out / "last.pt"
    if args.resume:
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        for optimiser, kept in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        average, step = state["average"], state["step"]
        windows.random = np.random.default_rng(args.seed + step)
    total = args.minutes * 60
    began, losses = time.monotonic(), []
    while spent < total:
        step += 1
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, spent / total)))
        rate = args.rate * min(1.0, step / 150) * (args.final + (1 - args.final) * fall)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        loss = loss_of(model, windows.batch(args.batch), generator)
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        if step % 4 == 0:
            keep = min(0.996, (step + 1) / (step + 40))
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    average[name].lerp_(value, 1.0 - keep)
        losses.append(float(loss.detach()))
        spent = time.monotonic() - began
        if step % args.log == 0:
            print(
                f"step {step} {spent / 60:.1f} min loss {np.mean(losses[-args.log :]):.4f} "
                f"rate {rate:.2e} {args.batch * len(losses) / spent:.1f} clips/s",
                flush=True,
            )
        if step % 500 == 0 or spent >= total:
            live = {k: v.clone() for k, v in model.state_dict().items()}
            model.load_state_dict(average)
            check = torch.Generator().manual_seed(7)
            with torch.no_grad():
                value = float(np.mean([float(loss_of(model, b, check)) for b in validation]))
            print(f"step {step} validation {value:.4f}", flush=True)
            save_file(
                {k: v.half().contiguous() for k, v in average.items()},
                args.out / "ema.safetensors",
                metadata={"hidden": str(args.hidden), "layers": str(args.layers)},
            )
            write_origin(args.out / "ema.safetensors", args)
            model.load_state_dict(live)
            torch.save(
                {
                    "origin": origin_of(args),
                    "model": live,
                    "optimisers": [optimiser.state_dict() for optimiser in optimisers],
                    "average": average,
                    "step": step,
                },
                checkpoint,
            )


if __name__ == "__main__":
    main()
