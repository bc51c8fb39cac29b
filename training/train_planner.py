"""Train the planner on lead sheets.

    python -m training.train_planner --data data/plans.npz --minutes 35 --seed 1 --out data/planner1

Every example is a run of tokens of one sheet, from its start or from anywhere in it. Prints one
line every --log steps; saves OUT/planner.safetensors, the weights' running average as float16, and
OUT/last.pt to go on from (--resume). --tiny tries all of it in seconds on four composed sheets.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from diffusion.planner import vocabulary as v
from diffusion.planner.network import WINDOW, Shape
from training.checkpoints import origin_of, write_origin
from training.planner_data import composed_example, tokens_of, write
from training.planner_network import PlannerNetwork
from training.tiny import parsed

IGNORED = -100
FROM_START = 0.4  # how often a run begins where its sheet does
HELD = 0.01  # of the sheets, the last of each kind, for the validation


class Runs:
    """Random runs of tokens out of the data file; `tail` takes the sheets kept for validation."""

    def __init__(self, path: Path, seed: int, *, length: int = WINDOW, tail: bool = False):
        file = np.load(path)
        self.tokens, self.places = file["tokens"], file["places"]
        self.later, self.facts, self.starts = file["later"], file["facts"], file["starts"]
        kept = np.arange(len(self.facts)) % round(1 / HELD) == 0
        self.sheets = np.flatnonzero(kept if tail else ~kept)
        sizes = np.diff(self.starts)[self.sheets].astype(float)
        self.shares = sizes / sizes.sum()
        self.length, self.random = length, np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[torch.Tensor, ...]:
        """Return tokens before, places, later notes, facts and the tokens to say."""
        before = np.full((size, self.length), v.TOKENS, np.int64)
        said = np.full((size, self.length), IGNORED, np.int64)
        places = np.zeros((size, self.length, len(v.PLACE)), np.int64)
        later = np.zeros((size, self.length, v.HISTOGRAM), np.float32)
        picked = self.random.choice(self.sheets, size, p=self.shares)
        for row, sheet in enumerate(picked):
            first, end = self.starts[sheet], self.starts[sheet + 1]
            at = first
            if self.random.random() > FROM_START and end - first > self.length:
                at = self.random.integers(first, end - self.length + 1)
            count = min(self.length, end - at)
            said[row, :count] = self.tokens[at : at + count]
            before[row, 1:count] = self.tokens[at : at + count - 1]
            if at > first:
                before[row, 0] = self.tokens[at - 1]
            places[row, :count] = self.places[at : at + count]
            later[row, :count] = self.later[at : at + count]
        facts = self.facts[picked].astype(np.int64)
        return tuple(torch.from_numpy(each) for each in (before, places, later, facts, said))


def loss_of(network: PlannerNetwork, batch: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean cross-entropy of the tokens, in nats."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(*batch[:4])
    return functional.cross_entropy(
        logits.float().flatten(0, 1), batch[4].flatten(), ignore_index=IGNORED
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Train for so many minutes and save the weights' running average."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the file of training.planner_data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", type=int, default=50)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=5)
    args = parsed(parser, argv, minutes=0.01, batch=2, width=48, layers=1)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    data = args.data
    if args.tiny:
        data = write(
            [tokens_of(composed_example(seed)) for seed in (1, 2, 3, 4)], args.out / "tiny"
        )
    runs = Runs(data, args.seed)
    held = Runs(data, 999, tail=True)
    validation = [held.batch(args.batch) for _ in range(4)]
    shape = Shape(width=args.width, layers=args.layers, heads=args.width // 32)
    network = PlannerNetwork(shape)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    layered = [p for name, p in network.named_parameters() if "." in name]
    tables = [p for name, p in network.named_parameters() if "." not in name]
    optimisers = [
        torch.optim.Muon(layered, args.rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(tables, args.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    ]
    step, spent, total = 0, 0.0, args.minutes * 60
    checkpoint = args.out / "last.pt"
    if args.resume:
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        for optimiser, kept in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        average, step = state["average"], state["step"]
        runs.random = np.random.default_rng(args.seed + step)
    began, losses = time.monotonic(), []
    while spent < total:
        step += 1
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, spent / total)))
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = args.rate * min(1.0, step / 100) * (0.03 + 0.97 * fall)
        loss = loss_of(network, runs.batch(args.batch))
        network.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        keep = min(0.99, (step + 1) / (step + 20))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1.0 - keep)
        losses.append(float(loss.detach()))
        spent = time.monotonic() - began
        if step % args.log == 0:
            print(
                f"step {step} {spent / 60:.1f} min loss {np.mean(losses[-args.log :]):.4f} "
                f"{args.batch * len(losses) / spent:.1f} runs/s",
                flush=True,
            )
        if step % 250 == 0 or spent >= total:
            live = {name: value.clone() for name, value in network.state_dict().items()}
            network.load_state_dict(average)
            with torch.no_grad():
                value = float(np.mean([float(loss_of(network, each)) for each in validation]))
            print(f"step {step} validation {value:.4f}", flush=True)
            save(args.out / "planner.safetensors", average, shape)
            write_origin(args.out / "planner.safetensors", args)
            network.load_state_dict(live)
            torch.save(
                {
                    "origin": origin_of(args),
                    "network": live,
                    "optimisers": [optimiser.state_dict() for optimiser in optimisers],
                    "average": average,
                    "step": step,
                },
                checkpoint,
            )


def save(path: Path, weights: dict[str, torch.Tensor], shape: Shape) -> None:
    """Write weights as float16 with the network's shape."""
    save_file(
        {name: value.half().contiguous() for name, value in weights.items()},
        path,
        metadata={
            name: str(getattr(shape, name)) for name in ("width", "layers", "heads", "expansion")
        },
    )


if __name__ == "__main__":
    main()
