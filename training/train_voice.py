"""Train the voice: `python -m training.train_voice --out WEIGHTS` (see docs/lab/voice-notes.md).

Regression of the network on WORLD's spectra of sung nonsense (training.voice). Every tenth
utterance is held out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from diffusion.embedded.voice.contour import loudness, pitch_hz
from diffusion.embedded.voice.network import ENVELOPE_POINTS, FRAME_SECONDS, VoiceNet
from diffusion.embedded.voice.timing import Durations, frame_context, place_sounds
from training.checkpoints import write_origin
from training.speech import Utterance, collect, held_out, mean_durations
from training.tiny import parsed, utterances
from training.voice import VOICES, random_line, truth

CROP_FRAMES = 128
BATCH = 12
# Differences far below a vowel are inaudible: errors count less the softer the truth is.
QUIET_DB = 55.0


def sung(utterance: Utterance, voice: str, durations: Durations, seed: int) -> tuple[Any, ...]:
    """One training example: (symbols, nearness, pitch, velocity, voice index, spectra)."""
    draw = np.random.default_rng([seed, 3])
    notes = random_line(utterance.syllables, voice, draw)
    scaled = Durations(
        *(part * draw.uniform(0.75, 1.3) for part in (durations.onset, durations.coda))
    )
    segments = place_sounds(notes, scaled)
    whole = (segments[-1].end_seconds - segments[0].start_seconds) / FRAME_SECONDS + 60
    late = draw.uniform(0.0, max(whole - CROP_FRAMES, 0.0) * FRAME_SECONDS)
    begin = segments[0].start_seconds - 30 * FRAME_SECONDS + late
    times = begin + np.arange(CROP_FRAMES, dtype=np.float64) * FRAME_SECONDS
    pitch, velocity = pitch_hz(notes, times, draw), loudness(notes, times)
    symbols, nearness = frame_context(segments, times)
    spectra = truth(utterance, segments, times, pitch, velocity)
    midi = 69.0 + 12.0 * np.log2(pitch / 440.0)
    return symbols, nearness, midi, velocity, VOICES.index(voice), spectra


def batch_of(
    lines: Sequence[tuple[str, Utterance]], durations: Durations, draw: np.random.Generator
) -> list[torch.Tensor]:
    picked = [lines[int(draw.integers(len(lines)))] for _ in range(BATCH)]
    examples = [
        sung(utterance, voice, durations, int(draw.integers(2**31))) for voice, utterance in picked
    ]
    columns = [np.stack([example[column] for example in examples]) for column in range(6)]
    tensors = [torch.from_numpy(column) for column in columns]
    return [tensor.float() if tensor.dtype == torch.float64 else tensor for tensor in tensors]


def loss_of(said: torch.Tensor, spectra: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The loss, and the mean difference in dB of what is loud enough to count."""
    wanted = spectra[..., :ENVELOPE_POINTS]
    loudest = wanted.amax(dim=-1, keepdim=True).clamp_min(-4.5)
    under_db = (loudest - wanted) * 8.686
    weight = torch.exp(-((under_db / QUIET_DB).clamp_min(0.0) ** 2)) + 0.05
    off = (said[..., :ENVELOPE_POINTS] - wanted).abs()
    noise_off = (said[..., ENVELOPE_POINTS:] - spectra[..., ENVELOPE_POINTS:]).abs()
    audible = (loudest > -7.0).float() + 0.2
    figure = float((off.detach() * weight).sum() / weight.sum()) * 8.686
    return (off * weight).mean() + 1.5 * (noise_off * audible).mean(), figure


def train(
    spoken: Mapping[str, Sequence[Utterance | None]],
    out: Path,
    start: Path | None,
    steps: int,
    rate: float,
    seed: int,
) -> None:
    """Train on the utterances of each voice, print the held-out error, and save the weights."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    lines: list[tuple[str, Utterance]] = []
    kept: list[tuple[str, Utterance]] = []
    for voice in VOICES:
        for number, utterance in enumerate(spoken[voice]):
            if utterance is not None:
                (kept if held_out(number) else lines).append((voice, utterance))
    durations = mean_durations([utterance for _, utterance in lines])
    network = VoiceNet(len(VOICES))
    if start:
        tensors = load_file(str(start))
        network.load_state_dict({name: tensors[name].float() for name in network.state_dict()})
    size = sum(parameter.numel() for parameter in network.parameters())
    print(f"{len(lines)} utterances, {len(kept)} held out, {size} parameters", flush=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    draw = np.random.default_rng([seed, 4])
    held = [batch_of(kept, durations, np.random.default_rng([seed, 5, n])) for n in range(6)]
    begun = time.monotonic()
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / 100) * (0.01 + 0.99 * (1.0 - step / steps) ** 1.2)
        *given, spectra = batch_of(lines, durations, draw)
        with torch.autocast("cpu", torch.bfloat16):
            said = network(*given)
        loss, figure = loss_of(said.float(), spectra)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            spent = time.monotonic() - begun
            print(
                f"step {step} loss {float(loss.detach()):.4f} off {figure:.2f} dB {spent:.0f} s",
                flush=True,
            )
            save(network, durations, out)
    with torch.inference_mode():
        figures = [loss_of(network(*given), spectra)[1] for *given, spectra in held]
    print(f"{steps} steps; held out: off by {np.mean(figures):.2f} dB", flush=True)
    save(network, durations, out)


def save(network: VoiceNet, durations: Durations, out: Path) -> None:
    tensors = {name: value.half() for name, value in network.state_dict().items()}
    tensors["durations.onset"] = torch.from_numpy(durations.onset).half()
    tensors["durations.coda"] = torch.from_numpy(durations.coda).half()
    save_file(tensors, str(out))


def main(argv: Sequence[str] | None = None) -> None:
    """Read or speak the utterances, and train on them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/voice"), help="cache of speech")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--count", type=int, default=600, help="utterances a voice")
    parser.add_argument("--seed", type=int, default=1)
    given = parsed(parser, argv, steps=2, count=12)
    spoken = {
        voice: utterances(given.count) if given.tiny else collect(given.data, voice, given.count)
        for voice in VOICES
    }
    train(spoken, given.out, given.start, given.steps, given.rate, given.seed)
    write_origin(given.out, given)


if __name__ == "__main__":
    main()
