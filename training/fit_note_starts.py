"""Train the networks by which note starts are heard, on notes whose places are known.

`python -m training.fit_note_starts --soundfont FluidR3_GM.sf2` makes pieces of seeds that the
truth test does not use and records each along a known map with drums and without: 600 by the
decoder (seeds from 210000), 100 by the soundfont (220000), drums and other stems of 240 alone over
silence and noise (240000), and 80 of plain ticks. It trains the two networks of
`audio/note_starts.py`: the first tells where notes start, the second how far what it tells may lie
off. It prints how the pieces left out (every eighth) fare, and writes the weights; some 50 minutes
on one core, 6 GB.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional

import audio.note_starts
from audio.note_starts import DILATIONS, LATE_SECONDS, SPREAD_SECONDS, NetworkOutput
from training.note_recordings import Recording, collect, collect_alone, collect_ticks

HIDDEN, GATE = 48, 64
CROP_HOPS, BATCH, FIRST_RATE = 320, 16, 2e-3
AT_START = 0.06  # of all crops: what follows silence is rare and matters most
GATE_ROUNDS, GATE_BATCH = 8, 256
FAR_SECONDS = 0.07
LEAST_SPREAD = 0.1  # of a value the second network sees, when it is brought to spread by 1
MATCH_SECONDS = 0.025


class Listener(nn.Module):  # type: ignore[misc]  # torch is not followed
    """The first network: convolutions over time, and the log odds that a note starts."""

    def __init__(self) -> None:
        super().__init__()
        sizes = zip((288, HIDDEN, HIDDEN, HIDDEN), (3, 5, 5, 5), DILATIONS, strict=True)
        self.layer = nn.ModuleList(
            nn.Conv1d(bands, HIDDEN, taps, padding=taps // 2 * dilation, dilation=dilation)
            for bands, taps, dilation in sizes
        )
        self.odds = nn.Conv1d(HIDDEN, 1, 1)
        nn.init.constant_(self.odds.bias, -3.0)

    def forward(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        for layer in self.layer:
            sound = torch.relu(layer(sound))
        return self.odds(sound)[:, 0], sound


def train_listener(recordings: list[Recording], rounds: int) -> Listener:
    """Crops of all recordings but those held out, each coloured and levelled at random."""
    rng = np.random.default_rng(0)
    listener = Listener()
    steps = sum(len(r.target) for r in recordings) // (CROP_HOPS * BATCH)
    optimizer = torch.optim.AdamW(listener.parameters(), FIRST_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, FIRST_RATE, total_steps=rounds * steps + 1, pct_start=0.1
    )
    for number in range(rounds):
        total = 0.0
        for _ in range(steps):
            sound, target = _batch(recordings, rng)
            odds, _ = listener(sound)
            loss = functional.binary_cross_entropy_with_logits(odds, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"round {number + 1} of {rounds}: loss {total / steps:.4f}", flush=True)
    listener.eval()
    return listener


def _batch(recordings: list[Recording], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    sound = np.empty((BATCH, 288, CROP_HOPS), np.float32)
    target = np.empty((BATCH, CROP_HOPS), np.float32)
    for row, which in enumerate(rng.choice(len(recordings), BATCH).tolist()):
        chosen = recordings[which]
        first = int(rng.integers(0, len(chosen.target) - CROP_HOPS))
        first = 0 if rng.random() < AT_START else first
        sound[row] = chosen.sound[:, first : first + CROP_HOPS]
        target[row] = chosen.target[first : first + CROP_HOPS]
        colour = rng.normal(size=4).astype(np.float32)
        for bands, scale in ((slice(0, 128), 20), (slice(128, 288), 15)):
            sound[row, bands] += _equaliser(colour, bands)[:, None] / scale
    return torch.from_numpy(sound), torch.from_numpy(target)


def _equaliser(colour: np.ndarray, bands: slice) -> np.ndarray:
    """Decibels for each band: louder or softer, brighter or duller, and a wave over them."""
    count = 128 if bands.start == 0 else 40
    place = np.linspace(0, 1, count, dtype=np.float32)
    wave = np.sin(2 * np.pi * place * (1 + abs(colour[3])))
    curve = 6 * colour[0] + 8 * colour[1] * (place - 0.5) + 3 * colour[2] * wave
    return np.asarray(np.tile(curve, (bands.stop - bands.start) // count), np.float32)


def listened(listener: Listener, recording: Recording) -> NetworkOutput:
    with torch.no_grad():
        odds, hidden = listener(torch.from_numpy(recording.sound[None].astype(np.float32)))
    return NetworkOutput(recording.seconds, odds[0].numpy(), hidden[0].numpy())


def train_gate(
    listener: Listener, recordings: list[Recording]
) -> tuple[nn.Sequential, np.ndarray, np.ndarray]:
    """The second network, and the mean and spread of what it sees; prints what it is worth."""
    rows, late, kept = [], [], []
    for recording in recordings:
        seconds, seen = listened(listener, recording).find_starts()
        if not len(seconds) or len(recording.due) < 2:
            continue
        nearest = np.abs(seconds[:, None] - recording.due).argmin(axis=1)
        rows.append(seen)
        late.append(np.clip(seconds - recording.due[nearest], -FAR_SECONDS, FAR_SECONDS))
        kept.append(np.full(len(seconds), 2 * recording.held_out + recording.drums))
    seen, group = np.concatenate(rows), np.concatenate(kept)
    learnt = group < 2
    mean, spread = seen[learnt].mean(axis=0), np.maximum(seen[learnt].std(axis=0), LEAST_SPREAD)
    given = torch.from_numpy((seen - mean) / spread).float()
    variance = torch.tensor(SPREAD_SECONDS) ** 2
    away = torch.from_numpy(np.concatenate(late)).float()[:, None] - torch.tensor(LATE_SECONDS)
    density = -(away**2 / variance + torch.log(2 * np.pi * variance)) / 2
    gate = nn.Sequential(
        nn.Linear(given.shape[1], GATE), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(GATE, len(LATE_SECONDS)),
    )  # fmt: skip
    rng, order = np.random.default_rng(0), np.flatnonzero(learnt)
    steps = len(order) // GATE_BATCH
    optimizer = torch.optim.AdamW(gate.parameters(), FIRST_RATE, weight_decay=3e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, FIRST_RATE, total_steps=GATE_ROUNDS * steps + 1
    )
    for _ in range(GATE_ROUNDS):
        rng.shuffle(order)
        for step in range(steps):
            some = torch.from_numpy(order[step * GATE_BATCH : (step + 1) * GATE_BATCH])
            loss = _surprise(gate(given[some]), density[some]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    gate.eval()
    with torch.no_grad():
        surprise = _surprise(gate(given), density).numpy()
    for name, number in (("with drums", 3), ("without", 2)):
        print(f"surprise of pieces left out, {name}: {surprise[group == number].mean():.3f} nats")
    return gate, mean, spread


def _surprise(scores: Tensor, density: Tensor) -> Tensor:
    """Minus the log density (n,) of where starts lie, by the kinds they are taken for."""
    return -torch.logsumexp(functional.log_softmax(scores, 1) + density, 1)


def judge(listener: Listener, recordings: list[Recording], drums: bool) -> str:
    """How many starts are found, and how many of those found are some, within 25 ms."""
    found = true = met = wanted = 0
    for recording in recordings:
        hearing = listened(listener, recording)
        seconds, _ = hearing.find_starts()
        likely = np.interp(seconds, hearing.seconds, hearing.likely) > 0.5
        off = np.abs(seconds[likely][:, None] - recording.due)
        if recording.drums == drums and off.size:
            found, true = found + off.shape[0], true + (off.min(axis=1) < MATCH_SECONDS).sum()
            wanted, met = wanted + off.shape[1], met + (off.min(axis=0) < MATCH_SECONDS).sum()
    recall, precision = met / max(wanted, 1), true / max(found, 1)
    return f"{recall:.1%} of {wanted} are found, {precision:.1%} of {found} are one"


def weights_of(
    listener: Listener, gate: nn.Sequential, mean: np.ndarray, spread: np.ndarray
) -> dict[str, np.ndarray]:
    """All weights in half precision, the gate's for what it sees as it is."""
    named = {name: value.numpy() for name, value in listener.state_dict().items()}
    named["odds.weight"] = named["odds.weight"][0, :, 0]
    first, last = (gate[place].state_dict() for place in (0, 3))
    named["gate.0.weight"] = first["weight"].numpy() / spread
    named["gate.0.bias"] = first["bias"].numpy() - named["gate.0.weight"] @ mean
    named |= {f"gate.1.{name}": value.numpy() for name, value in last.items()}
    return {name: np.ascontiguousarray(v.astype(np.float16)) for name, v in named.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=600)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--soundfont", type=Path)
    parser.add_argument("--font-pieces", type=int, default=100)
    parser.add_argument("--alone", type=int, default=240)
    parser.add_argument("--ticks", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=12)
    shipped = Path(audio.note_starts.__file__).with_name(audio.note_starts.WEIGHTS)
    parser.add_argument("--output", type=Path, default=shipped)
    asked = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    recordings = list(collect(asked.pieces, asked.seed, None))
    if asked.soundfont:
        recordings += collect(asked.font_pieces, asked.seed + 1, asked.soundfont)
    recordings += collect_alone(asked.alone, asked.seed + 3)
    recordings += collect_ticks(asked.ticks, asked.seed)
    listener = train_listener([r for r in recordings if not r.held_out], asked.rounds)
    left_out = [r for r in recordings if r.held_out]
    for drums in (True, False):
        print("with drums:" if drums else "without:", judge(listener, left_out, drums))
    gate = train_gate(listener, recordings)
    save_file(weights_of(listener, *gate), asked.output)
    print(f"written to {asked.output}")


if __name__ == "__main__":
    main()
