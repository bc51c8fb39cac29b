"""Trains the small network that transcribes drums, and writes its weights.

    python -m training.train_drum_hearing --seed 2 --out stems/transcription/drums.safetensors

Its grooves are the composer's (seeds that do not end in 0) and some chance, played by the six
kits of FluidR3_GM, each drum sampled at four velocities, and by kits of Sonic Pi's samples (CC0).
Timbre, level, room, noise and what bleeds in from other stems are varied from bar to bar.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.functional import binary_cross_entropy_with_logits

from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.drum_hits import Hit
from diffusion.embedded.performance import DRUMS
from stems.transcription.drums import BANDS, HOP_SECONDS, band_levels, with_surroundings
from training.checkpoints import write_origin
from training.compose import compose
from training.sampled_drums import play_samples
from training.sounds import KITS, SAMPLE_RATE, Soundfont
from training.tiny import ToneFont, parsed

PIECES = tuple(DRUMS)
Sound = NDArray[np.float32]
VELOCITIES = (30, 65, 95, 125)
SECONDS = 10.0
COMPOSED = 0.65  # the share of grooves; the rest is chance
HIDDEN = 224
SPREAD_SECONDS = 0.006  # an onset is meant by the hops this near, the nearest most
RINGS = {"crash": 2.5, "ride": 2.0, "open_hat": 1.5}


def record(font: Soundfont) -> dict[tuple[str, str, int], Sound]:
    """Every drum of every kit at VELOCITIES."""
    return {
        (kit, piece, velocity): font.hit(kit, piece, velocity, RINGS.get(piece, 0.7))
        for kit in KITS
        for piece in PIECES
        for velocity in VELOCITIES
    }


def composed(draw: np.random.Generator) -> list[Hit]:
    """SECONDS of a composed groove."""
    seed = int(draw.integers(1, 2**30))
    piece = compose(seed + (seed % 10 == 0))
    names = {pitch: name for name, pitch in DRUMS.items()}
    if "drums" not in piece.performance.parts:
        return chance(draw)
    notes = piece.performance.parts["drums"].notes
    seconds_a_beat = 60 / piece.bpm
    first = draw.uniform(0, max(1e-3, piece.performance.beats * seconds_a_beat - SECONDS))
    return [
        Hit((n.start_beats * seconds_a_beat - first) * SAMPLE_RATE, names[n.pitch], n.velocity)
        for n in notes
        if 0 <= n.start_beats * seconds_a_beat - first < SECONDS - 0.1 and n.pitch in names
    ]


def chance(draw: np.random.Generator) -> list[Hit]:
    """Strokes of any drum at any time, often several at once."""
    hits = []
    at = 0.05
    loved = draw.choice(PIECES, draw.integers(3, 8), replace=False)
    while at < SECONDS - 0.1:
        for piece in draw.choice(loved, min(len(loved), 1 + draw.geometric(0.6)), replace=False):
            late = draw.normal(0, 0.004) if draw.random() < 0.3 else 0.0
            start = max(0.0, at + late) * SAMPLE_RATE
            hits.append(Hit(start, str(piece), float(draw.uniform(0.25, 1))))
        at += draw.choice([0.06, 0.09, 0.125, 0.18, 0.25, 0.4])
    return hits


def play(
    bank: Mapping[tuple[str, str, int], Sound],
    hits: Sequence[Hit],
    draw: np.random.Generator,
    sampled: float,
) -> Sound:
    """Mono sound of the hits on a kit drawn by chance."""
    frames = round(SECONDS * SAMPLE_RATE)
    if draw.random() < sampled:
        return play_samples(hits, frames, draw)
    kit = str(draw.choice(list(KITS)))
    out = np.zeros(frames, np.float32)
    closings = sorted(hit.start for hit in hits if hit.piece == "closed_hat")
    for hit in hits:
        asked = hit.velocity * 127
        velocity = min(VELOCITIES, key=lambda v: abs(v - asked))
        sound = bank[kit, hit.piece, velocity] * np.float32((asked / velocity) ** 1.5)
        start = round(hit.start)
        if hit.piece == "open_hat" and (later := [c for c in closings if c > start + 1]):
            length = int(min(len(sound), later[0] - start + 1_000))
            sound = sound[:length] * np.linspace(1, 0, 1_000 + length)[1_000:].clip(0, 1)
        count = min(len(sound), frames - start)
        out[start : start + count] += sound[:count].astype(np.float32)
    return out


def varied(levels: Sound, draw: np.random.Generator) -> Sound:
    """Band levels as another room, desk or separator would have them."""
    tilt = np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), draw.normal(0, 3.5, 6))
    out = levels * db_to_amplitude(tilt).astype(np.float32)
    if draw.random() < 0.5:  # a room rings on
        decay = np.exp(-HOP_SECONDS / draw.uniform(0.05, 0.2))
        tail = np.zeros(BANDS, np.float32)
        for i in range(1, len(out)):
            tail = decay * (tail + np.float32(draw.uniform(0.02, 0.12)) * levels[i - 1])
            out[i] = out[i] + tail
    if draw.random() < 0.4:  # chords bleed in, each with an attack
        edge = draw.integers(0, len(out), 30)
        chord = np.zeros_like(out)
        for first in edge:
            shape = np.exp(-((np.arange(BANDS) - draw.uniform(0, 35)) ** 2) / draw.uniform(2, 60))
            fall = np.exp(-np.arange(min(80, len(out) - first)) / draw.uniform(5, 60))
            chord[first : first + 80] += (fall[:, None] * shape).astype(np.float32)
        out = out + chord * np.float32(db_to_amplitude(draw.uniform(-60, -20)))
    noise = db_to_amplitude(draw.uniform(-90, -55)) * draw.rayleigh(1, out.shape)
    out = out + noise.astype(np.float32)
    return np.asarray(out / max(float(out.max()), 1e-6) * db_to_amplitude(draw.uniform(-8, 0)))


def example(
    bank: Mapping[tuple[str, str, int], Sound], draw: np.random.Generator, sampled: float
) -> tuple[Sound, Sound, Sound]:
    """Band levels, and how much of an onset and what velocity each drum has at each hop."""
    hits = composed(draw) if draw.random() < COMPOSED else chance(draw)
    levels = varied(band_levels(play(bank, hits, draw, sampled), SAMPLE_RATE), draw)
    onsets, velocities = (np.zeros((len(levels), len(PIECES)), np.float32) for _ in range(2))
    for hit in hits:
        at, drum = hit.start / SAMPLE_RATE / HOP_SECONDS, PIECES.index(hit.piece)
        for hop in range(max(0, round(at) - 2), min(len(levels), round(at) + 3)):
            near = np.exp(-0.5 * ((hop - at) * HOP_SECONDS / SPREAD_SECONDS) ** 2)
            if near > onsets[hop, drum]:
                onsets[hop, drum], velocities[hop, drum] = near, hit.velocity
    return levels, onsets, velocities


def train(
    x: Sound, onsets: Sound, velocities: Sound, epochs: int, seed: int
) -> dict[str, torch.Tensor]:
    """Fit the network: one hidden layer of what each hop hears around it, onsets and velocities."""
    torch.manual_seed(seed)
    features, wanted, loud = (torch.from_numpy(a) for a in (x, onsets, velocities))
    network = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.ReLU(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(HIDDEN, 96), torch.nn.ReLU(),
        torch.nn.Linear(96, 2 * len(PIECES)),
    )  # fmt: skip
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-4)
    batches = -(-len(features) // 512)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, epochs * batches)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(features)).split(512):
            onset, velocity = network(features[rows].float()).chunk(2, 1)
            near = wanted[rows]
            loss = binary_cross_entropy_with_logits(onset, near) * 10
            loss = loss + (near * (velocity.sigmoid() - loud[rows]).square()).mean() * 10
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        print(f"epoch {epoch + 1}: loss {total / len(features):.4f}", flush=True)
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    return {
        f"{number}.{name}": getattr(layer, name).detach().half().contiguous()
        for number, layer in enumerate(layers)
        for name in ("weight", "bias")
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Make the data, train, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--pieces", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument(
        "--sampled", type=float, default=0.25, help="share of kits made of Sonic Pi's samples"
    )
    options = parsed(parser, argv, pieces=2, epochs=1, sampled=0.0)
    torch.set_num_threads(1)
    began = time.process_time()
    bank = record(ToneFont() if options.tiny else Soundfont())
    print(f"recorded after {time.process_time() - began:.0f} s", flush=True)
    made = [
        example(bank, np.random.default_rng([options.seed, i]), options.sampled)
        for i in range(options.pieces)
    ]
    print(f"played after {time.process_time() - began:.0f} s", flush=True)
    x = np.concatenate([with_surroundings(levels).astype(np.float16) for levels, _, _ in made])
    onsets, velocities = (np.concatenate([each[i] for each in made]) for i in (1, 2))
    weights = train(x, onsets, velocities, options.epochs, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, options.out)
    write_origin(options.out, options)
    print(f"trained after {time.process_time() - began:.0f} s of processor time")
    print(f"{options.out}: sha256 {hashlib.sha256(options.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
