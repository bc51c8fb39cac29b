"""Fits the drum networks: the low waveforms first, then the noise they leave."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion.embedded.decoder.drum_hits import (
    GROUP,
    STEPS,
    STEPS_A_SECOND,
    draw_waves,
    join,
    lay,
    step_waves,
)
from diffusion.embedded.decoder.network import features, run_bank
from diffusion.embedded.decoder.sounds import BAND_EDGES_HZ, BANDS, KITS, PIECES
from training.analysis import find_onset
from training.new_networks import new_bank, new_waves
from training.sounds import SAMPLE_RATE, Soundfont

SECONDS = 3.4
VELOCITIES = (20, 45, 64, 80, 92, 104, 116, 127)
WINDOW, SHORT = 256, 128
LAID_ENERGY = 2 / 294  # squared coefficients for a unit of squared samples


@dataclass(frozen=True, slots=True)
class Hits:
    """All hits to learn: sound index, velocity 0..1, wave at full velocity's loudness."""

    sound: Tensor
    velocity: Tensor
    wave: Tensor


def render_hits(font: Soundfont, velocities: Sequence[int] = VELOCITIES) -> Hits:
    """Every piece of every kit at all `velocities`, from its onset on, each (frames,)."""
    rows = []
    for piece_index, piece in enumerate(PIECES):
        for kit_index, kit in enumerate(KITS):
            onset = find_onset(font.hit(kit, piece, 127, 0.1), 0.03)
            for velocity in velocities:
                sound = font.hit(kit, piece, velocity, SECONDS + 0.02)[onset:]
                wave = sound[: int(SECONDS * SAMPLE_RATE)] / (velocity / 127) ** 2
                wave[-2000:] *= np.linspace(1, 0, 2000, dtype=np.float32)
                rows.append((piece_index * len(KITS) + kit_index, velocity / 127, wave))
    sounds, loudness, waves = zip(*rows, strict=True)
    return Hits(torch.tensor(sounds), torch.tensor(loudness), torch.from_numpy(np.stack(waves)))


def analyse(sound: Tensor, sample_rate: int) -> Tensor:
    """Lapped coefficients (STEPS, BINS) of a wave (frames,) from its frame 0 on."""
    hop = sample_rate // STEPS_A_SECOND
    place = torch.arange(2 * hop, dtype=torch.float64) / hop - 1
    waves = step_waves(place).float() * (2 / hop)
    padded = torch.nn.functional.pad(sound, (hop, STEPS * hop))[: (STEPS + 1) * hop]
    return padded.unfold(0, 2 * hop, hop) @ waves


def fit_waves(hits: Hits, steps: int, report: Callable[[str], None]) -> dict[str, Tensor]:
    """Weights "wave": lapped coefficients by regression of shape and of level."""
    truth = torch.stack([analyse(wave, SAMPLE_RATE) for wave in hits.wave])
    # Errors count against the whole hit: what is mostly noise above need not be drawn below.
    size = (hits.wave.square().sum(1) * LAID_ENERGY).sqrt()
    power = truth.square().unflatten(2, (-1, GROUP)).mean(-1)  # (hits, STEPS, groups)
    smooth = torch.nn.functional.avg_pool1d(
        power.transpose(1, 2), 5, 1, 2, count_include_pad=False
    ).transpose(1, 2)
    level = (smooth.sqrt() + 1e-4 * size[:, None, None]).log()
    weights = new_waves()
    for tensor in weights.values():
        tensor.requires_grad_(True)
    peak = 3e-3
    optimiser = torch.optim.Adam(
        [
            {"params": [weights["wave.key"]], "lr": 8 * peak},
            {"params": [t for name, t in weights.items() if name != "wave.key"], "lr": peak},
        ],
        betas=(0.9, 0.98),
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    began = time.monotonic()
    for step in range(steps):
        pick = torch.randint(len(truth), (48,))
        with torch.autocast("cpu", torch.bfloat16):
            shape, predicted = draw_waves(weights, hits.sound[pick], hits.velocity[pick])
        shape, predicted = shape.float(), predicted.float()
        error = join(shape, predicted) - truth[pick]
        loss = (
            0.1 * (predicted - level[pick]).abs().mean()
            + (error.square().sum((1, 2)).sqrt() / size[pick]).mean()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        slope = min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * slope
        if (step + 1) % 100 == 0:
            ratio = (error.square().sum((1, 2)).sqrt() / size[pick]).mean()
            report(
                f"waves {step + 1}: loss {loss.item():.3f}, "
                f"error/size {ratio.item():.3f} ({time.monotonic() - began:.0f} s)"
            )
    return {name: tensor.detach() for name, tensor in weights.items()}


def _band_powers(wave: Tensor) -> tuple[Tensor, Tensor]:
    """Ages (moments,) in seconds and per-sample powers (moments, BANDS) of white noise alike."""
    starts = torch.cat([torch.arange(0, 512, 64), torch.arange(512, len(wave) - WINDOW, 128)])
    ages = (starts + WINDOW // 2) / SAMPLE_RATE
    window = torch.hann_window(WINDOW)
    pieces = wave[starts[:, None] + torch.arange(WINDOW)] * window
    first = wave[torch.arange(0, 128, 32)[:, None] + torch.arange(SHORT)]
    first = torch.nn.functional.pad(first * torch.hann_window(SHORT), (0, WINDOW - SHORT))
    ages = torch.cat([torch.arange(0, 128, 32) / SAMPLE_RATE, ages])
    pieces = torch.cat([first, pieces])
    energy = torch.full((len(pieces), 1), float(window.square().sum()))
    energy[:4] = torch.hann_window(SHORT).square().sum()
    power = torch.fft.rfft(pieces).abs().square() / energy
    hz = torch.arange(WINDOW // 2 + 1) * SAMPLE_RATE / WINDOW
    edges = torch.tensor(BAND_EDGES_HZ)
    inside = ((hz[:, None] >= edges[:-1]) & (hz[:, None] < edges[1:])).float()
    nearest = (hz[:, None] - (edges[:-1] * edges[1:]).sqrt()).abs().argmin(0)
    inside[nearest, torch.arange(BANDS)] = 1
    return ages, power @ (inside / inside.sum(0))


def fit_noise(
    hits: Hits, waves: dict[str, Tensor], steps: int, report: Callable[[str], None]
) -> dict[str, Tensor]:
    """Weights "hit": band levels of what the low waveforms leave, by Itakura-Saito regression."""
    powers = []
    with torch.inference_mode():
        for sound, velocity, wave in zip(hits.sound, hits.velocity, hits.wave, strict=True):
            coefficients = join(*draw_waves(waves, sound[None], velocity[None]))[0]
            low = lay(coefficients, 0.0, SAMPLE_RATE)
            rest = wave.clone()
            rest[: len(low)] -= low[: len(rest)]
            ages, power = _band_powers(rest)
            powers.append(power)
    age, power = ages.clone(), torch.stack(powers).clone()
    by_piece = hits.sound // len(KITS)
    count = len(hits.sound) // len(PIECES)
    of_piece = torch.stack([(by_piece == p).nonzero()[:, 0] for p in range(len(PIECES))])
    bank = new_bank("hit", len(PIECES), len(KITS), BANDS, width=96, layers=3, embedding=12)
    bank["hit.3.bias"] = bank["hit.3.bias"] - 6.0
    for tensor in bank.values():
        tensor.requires_grad_(True)
    peak = 3e-3
    optimiser = torch.optim.Adam(bank.values(), peak, betas=(0.9, 0.98))
    began, total = time.monotonic(), 0.0
    early = int((age < 0.25).sum())
    for step in range(steps):
        row = torch.gather(of_piece, 1, torch.randint(count, (len(PIECES), 512)))
        moment = torch.cat(
            [
                torch.randint(early, (len(PIECES), 256)),
                torch.randint(len(age), (len(PIECES), 256)),
            ],
            1,
        )
        velocity = hits.velocity[row]
        frames = features(age[moment], torch.full(moment.shape, -1.0), velocity)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = 2 * run_bank(bank, "hit", frames, hits.sound[row] % len(KITS)).float()
        truth = power[row, moment] + 1e-10
        loss = (predicted + truth * torch.exp(-predicted) - truth.log() - 1).clamp(max=30).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(bank.values(), 1.0)
        optimiser.step()
        optimiser.param_groups[0]["lr"] = (
            peak * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        )
        total += loss.item()
        if (step + 1) % 250 == 0:
            report(f"hits {step + 1}: {total / 250:.3f} ({time.monotonic() - began:.0f} s)")
            total = 0.0
    return {name: tensor.detach() for name, tensor in bank.items()}


def fit_drums(
    hits: Hits, seed: int, wave_steps: int, noise_steps: int, report: Callable[[str], None] = print
) -> dict[str, Tensor]:
    """All weights of the drums but the kits' gains."""
    torch.manual_seed(seed)
    waves = fit_waves(hits, wave_steps, report)
    return waves | fit_noise(hits, waves, noise_steps, report)
