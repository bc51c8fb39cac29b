"""Fits the bank of note networks to the analysed notes by regression of log levels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diffusion.embedded.decoder.network import (
    Weights,
    features,
    one_of_bank,
    run_bank,
)
from diffusion.embedded.decoder.sounds import (
    BANDS,
    FLOOR,
    KEYS,
    LOWEST_PITCH,
    PARTIALS,
    PITCHED,
    partials_hz,
)
from training.new_networks import new_bank

WIDTH, LAYERS, EMBEDDING = 160, 3, 24
BATCH = 512  # frames of every timbre a step
CALM = 0.12  # nepers
LOUD = 2.5  # nepers above the floor
MOST = 0.35  # nepers; more is no longer one instrument


def load_rows(data: Path) -> tuple[list[dict[str, Tensor]], Tensor, Tensor]:
    """Rows by sound, stretch (sounds, KEYS) and how many partials each key has (sounds, KEYS)."""
    rows: list[dict[str, Tensor]] = []
    stretch = torch.zeros(len(PITCHED), KEYS)
    count = torch.full((len(PITCHED), KEYS), PARTIALS)
    for sound, timbre in enumerate(PITCHED):
        with np.load(data / f"{timbre}.npz") as file:
            for pitch, hz, b in file["tunings"]:
                stretch[sound, int(pitch) - LOWEST_PITCH] = float(b)
                count[sound, int(pitch) - LOWEST_PITCH] = len(partials_hz(float(hz), float(b)))
            levels = np.concatenate([file["partials"], file["noise"]], 1)
            rows.append(
                {
                    "key": torch.from_numpy(file["pitch"]).long() - LOWEST_PITCH,
                    "velocity": torch.from_numpy(file["velocity"]),
                    "age": torch.from_numpy(file["age"]),
                    "release": torch.from_numpy(file["release"]),
                    "level": torch.from_numpy(
                        (np.log(levels + math.exp(FLOOR)) - FLOOR).astype(np.float16)
                    ),
                }
            )
    return rows, stretch, count


def fit_notes(
    data: Path,
    seed: int,
    steps: int,
    report: Callable[[str], None] = print,
    start: Path | None = None,
) -> dict[str, Tensor]:
    """The weights of the bank "note" with its stretch and sway; prints the error as it goes.

    With `start` (an earlier result of this) it goes on from there at a third of the rate.
    """
    torch.manual_seed(seed)
    rows, stretch, count = load_rows(data)
    bank = new_bank(
        "note",
        len(PITCHED),
        KEYS,
        PARTIALS + BANDS,
        width=WIDTH,
        layers=LAYERS,
        embedding=EMBEDDING,
    )
    if start is not None:
        earlier = torch.load(start)
        bank = {name: earlier[name] for name in bank}
    for tensor in bank.values():
        tensor.requires_grad_(True)
    peak = 4e-3 if start is None else 1.3e-3
    optimiser = torch.optim.Adam(bank.values(), peak, betas=(0.9, 0.98))
    partial = torch.arange(PARTIALS + BANDS)
    began, total = time.monotonic(), torch.zeros(())
    for step in range(steps):
        pick = [torch.randint(len(r["age"]), (BATCH,)) for r in rows]
        take = {
            name: torch.stack([r[name][p] for r, p in zip(rows, pick, strict=True)])
            for name in rows[0]
        }
        frames = features(take["age"], take["release"], take["velocity"])
        with torch.autocast("cpu", torch.bfloat16):
            predicted = run_bank(bank, "note", frames, take["key"]).float()
        truth = take["level"].float()
        exists = torch.gather(count, 1, take["key"])[..., None]
        weight = (partial >= PARTIALS) | (partial < exists)
        weight = weight * (0.15 + (truth.clamp(max=6) / 6))
        loss = (weight * (predicted - truth).abs()).sum() / weight.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        warm = min(1.0, (step + 1) / 100)
        slope = warm * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        optimiser.param_groups[0]["lr"] = peak * slope
        total += loss.detach()
        if (step + 1) % 100 == 0:
            report(f"notes {step + 1}: {total.item() / 100:.3f} ({time.monotonic() - began:.0f} s)")
            total.zero_()
    weights = {name: tensor.detach() for name, tensor in bank.items()}
    return weights | {"note_stretch": stretch, "note_sway": measure_sway(weights, rows)}


def measure_sway(bank: Weights, rows: list[dict[str, Tensor]]) -> Tensor:
    """How much held partials waver about what the networks say: (sounds, PARTIALS) in nepers.

    The standard deviation of log amplitude, less CALM, which any regression leaves.
    """
    sway = torch.zeros(len(rows), PARTIALS)
    for sound, row in enumerate(rows):
        held = ((row["age"] > 0.3) & (row["release"] < -0.05)).nonzero()[::3, 0]
        frames = features(row["age"][held], row["release"][held], row["velocity"][held])
        with torch.inference_mode():
            bank_of_one = one_of_bank(bank, "note", sound)
            predicted = run_bank(bank_of_one, "note", frames[None], row["key"][held][None])[0]
        truth = row["level"][held, :PARTIALS].float()
        loud = (truth > LOUD).float()
        count = loud.sum(0)
        error = (truth - predicted[:, :PARTIALS]) * loud
        variance = error.square().sum(0) / count.clamp(min=1) - CALM**2
        sway[sound] = torch.where(count > 50, variance.clamp(min=0).sqrt().clamp(max=MOST), 0.0)
    return sway
