"""Whether an adapter is learnt, and how fast: `python -m benchmarks.own_sound [--tiny]`.

A pipeline of 0.2 billion random weights (or a tiny one) learns examples of 6 s whose latents have
one level a channel and a little noise. Printed are the loss of the held-out example before and
after, the distance of what is played by our own sampler from it without the adapter and with it,
and seconds a step.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from audio.clip import Clip
from benchmarks.random_ace_step import MEDIUM, TINY, build, parameters
from diffusion.ace_step import block
from diffusion.ace_step.checkpoint import SETTINGS
from diffusion.ace_step.learning import Example, Learner, Lessons
from diffusion.ace_step.lora import apply
from diffusion.ace_step.pipeline import Pipeline
from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.task import Task
from diffusion.audio_conditions import Lora

PROMPT = Prompt("my band", language="unknown", bpm=120, seconds=6)
FRAMES, NOISE = 150, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="tiny weights")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    pipeline = Pipeline(**build(TINY if options.tiny else MEDIUM).components)
    pipeline.settle()
    silent = Clip(np.zeros((2, 48_000), np.float32), 48_000)
    _, states = pipeline.example(PROMPT, silent)
    generator = torch.Generator().manual_seed(5)
    level = torch.randn(1, 1, pipeline.channels, generator=generator)
    examples = [
        Example(
            level + NOISE * torch.randn(1, FRAMES, pipeline.channels, generator=generator), states
        )
        for _ in range(6)
    ]
    task = Task(PROMPT, FRAMES, (3,))
    settings = replace(SETTINGS["turbo"], dcw=(0.0, 0.0))

    def distance() -> float:
        return float((pipeline.latents_of(task, settings) - examples[0].latents).square().mean())

    before = distance()
    for layer in pipeline.transformer.layers:
        block.undo(layer)
    for weight in pipeline.transformer.parameters():
        weight.requires_grad_(False)
    lessons = Lessons(steps=options.steps, rank=8, alpha=16, rate=1e-3, batch=1, every=10)
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(pipeline, "turbo", lessons, Path(folder), "own", "benchmark")
        began = time.perf_counter()
        course = learner.learn(examples[1:], examples[:1])
        seconds = time.perf_counter() - began
        pipeline.transformer.delete_adapters("own")
        pipeline.settle()
        apply(pipeline, (Lora(Path(folder) / "own.safetensors"),))
        after = distance()
    report = {
        "parameters": parameters(pipeline), "steps": course.step,
        "seconds_a_step": seconds / course.step,
        "held_out_loss": course.held_out, "best_step": course.best_step,
        "distance_without": before, "distance_with": after, "torch": torch.__version__,
    }  # fmt: skip
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
