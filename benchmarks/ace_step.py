"""How fast our ACE-Step pipeline is beside the stock one, and whether it plays the same.

`python -m benchmarks.ace_step` builds a pipeline of 0.2 billion random weights and plays 20 s in 8
steps on the CPU, first the stock pipeline, then ours in float32, then ours in its default
precision, and again, so that whatever else the machine does meets them all. Each run of ours
begins with empty caches, but for the second takes. `--json` prints one object. `--codes` times the
language model that plans codes. `--full` is benchmarks.full_size.

Ratios are medians over the rounds of what two runs of the same round took, for the speed of a
machine that others use drifts by more than the differences looked for; the 60 s stand between two
runs of 20 s, whose mean they are compared to. Wall seconds; processor seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from diffusers.utils import logging

from audio.guide import render_guide
from benchmarks.random_ace_step import (
    CODE_PLANNERS,
    MEDIUM,
    TINY,
    base,
    build,
    build_code_planner,
    parameters,
)
from diffusion.ace_step.checkpoint import SETTINGS
from diffusion.ace_step.code_planner import CodePlanner
from diffusion.ace_step.pipeline import Pipeline
from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.task import Task, latent_frames
from diffusion.memory import MODES, Placement, best_dtype
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text

TURBO = replace(SETTINGS["turbo"], chunk_mask=1.0, dcw=(0.0, 0.0))  # as the stock pipeline
CAPTION = "lofi hip hop, rhodes, brushed drums, upright bass, tape hiss, warm"
LYRICS = "[verse]\nRain upon the window pane\n[chorus]\nStay a while, stay a while"
TARGETS = {
    "speedup_fp32": (">=", 1.5),
    "max_difference_fp32": ("<=", 1e-4),
    "speedup_default": (">=", 2.5),
    "speedup_second_take": (">=", 1.15),
    "cost_60s_over_20s": ("<=", 3.2),
}


def prompt(seconds: int) -> Prompt:
    """The words of the runs."""
    return Prompt(CAPTION, LYRICS, "en", 92, "4", "A minor", seconds)


def task(seconds: int, seeds: tuple[int, ...] = (1,)) -> Task:
    """A song of whole seconds."""
    return Task(prompt(seconds), latent_frames(seconds), seeds)


def melody_task(seconds: int) -> Task:
    """A song around a melody: a guide is encoded, covered for half of the steps, then left."""
    grid = Grid.constant(92, bars=max(1, round(seconds * 92 / 240)))
    tune = melody_from_text("69:0:1 72:1:1 76:2:2 74:4:1 72:5:1 69:6:2", grid)
    guide = render_guide(grid, Key.parse("A minor"), tune)
    return replace(
        task(seconds), prompt=prompt(seconds).for_task("cover"), source=guide, cover_share=0.5
    )


def play_stock(pipeline: Any, seconds: int, seed: int = 1, batch: int = 1) -> torch.Tensor:
    """The stock pipeline's sound for the same words; it normalises to -1 dBFS."""
    sound: torch.Tensor = pipeline(
        prompt=[CAPTION] * batch, lyrics=[LYRICS] * batch, bpm=92, keyscale="A minor",
        timesignature="4", audio_duration=float(seconds), num_inference_steps=TURBO.steps,
        shift=TURBO.shift, guidance_scale=1.0,
        generator=[torch.Generator().manual_seed(seed + item) for item in range(batch)],
    ).audios  # fmt: skip
    return sound.float().cpu()


def ours(size: Any, dtype: torch.dtype, device: str = "cpu") -> Pipeline:
    """Our pipeline on weights equal to the stock's, the autoencoder in float32."""
    pipeline = Pipeline(**build(size).components)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module) and part is not pipeline.vae:
            part.to(dtype)
    settle(pipeline, device)
    return pipeline


def settle(pipeline: Pipeline, device: str = "cpu") -> None:
    """Empty all caches."""
    pipeline.settle(Placement(pipeline, torch.device(device), MODES[0]))


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Wall and processor seconds of `work`, and what it gave."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    seconds = {
        "wall_seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor,
    }
    return seconds, result


def normalised(sound: torch.Tensor) -> torch.Tensor:
    """At the peak that the stock pipeline gives, so that both can be compared."""
    return sound * (10 ** (-1 / 20) / sound.abs().max())


def difference(ours: torch.Tensor, stock: torch.Tensor) -> float:
    """Largest difference, of the stock's peak."""
    return float((normalised(ours) - stock).abs().max() / stock.abs().max())


def snr_db(ours: torch.Tensor, stock: torch.Tensor) -> float:
    """Energy of the stock's sound over that of the difference, in dB."""
    noise = (normalised(ours) - stock).square().sum()
    return float(10 * torch.log10(stock.square().sum() / noise.clamp(min=1e-30)))


def compare(size: Any, seconds: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Alternate stock and ours, `rounds` times, and sum it up."""
    stock = build(size)
    default_dtype = best_dtype(torch.device("cpu"))
    exact, default = ours(size, torch.float32), ours(size, default_dtype)
    song, tune = task(seconds), melody_task(seconds)
    runs: dict[str, list[dict[str, float]]] = {}

    began: dict[str, float] = {}

    def mark(stage: str, done: float) -> None:
        began.setdefault(stage, time.process_time())

    def run(name: str, work: Callable[[], Any]) -> Any:
        began.clear()
        figures, result = timed(work)
        if "decode" in began:
            figures["decoding_processor_seconds"] = time.process_time() - began["decode"]
        runs.setdefault(name, []).append(figures)
        say(f"{name}: {figures['wall_seconds']:.2f} s")
        return result

    sounds: dict[str, torch.Tensor] = {}
    for _ in range(rounds):
        sounds["stock"] = run("stock", lambda: play_stock(stock, seconds))
        settle(exact)
        sounds["fp32"] = run("ours_fp32", lambda: exact.play(song, TURBO, mark))
        settle(default)
        sounds["default"] = run("ours_default", lambda: default.play(song, TURBO, mark))
        run("ours_default_second", lambda: default.play(replace(song, seeds=(2,)), TURBO, mark))
        settle(default)
        run("melody_first", lambda: default.play(tune, TURBO, mark))
        run("melody_second", lambda: default.play(replace(tune, seeds=(2,)), TURBO, mark))
        settle(default)
        run("before_60s", lambda: default.play(song, TURBO, mark))
        settle(default)
        run("ours_default_60s", lambda: default.play(task(3 * seconds), TURBO, mark))
        settle(default)
        run("after_60s", lambda: default.play(song, TURBO, mark))

    def ratio(one: str, *others: str, clock: str = "wall_seconds") -> float:
        return statistics.median(
            runs[one][number][clock]
            / statistics.mean(runs[other][number][clock] for other in others)
            for number in range(rounds)
        )

    compared = {
        "speedup_fp32": ("stock", "ours_fp32"),
        "speedup_default": ("stock", "ours_default"),
        "speedup_second_take": ("melody_first", "melody_second"),
        "speedup_second_take_of_words_alone": ("ours_default", "ours_default_second"),
        "cost_60s_over_20s": ("ours_default_60s", "before_60s", "after_60s"),
    }

    return {
        "seconds": seconds,
        "rounds": rounds,
        "parameters": parameters(stock),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "default_precision": str(default_dtype).removeprefix("torch."),
        "max_difference_fp32": difference(sounds["fp32"], sounds["stock"]),
        "max_difference_default": difference(sounds["default"], sounds["stock"]),
        "snr_default_db": snr_db(sounds["default"], sounds["stock"]),
        **{name: ratio(*pair) for name, pair in compared.items()},
        "in_processor_seconds": {
            name: ratio(*pair, clock="processor_seconds") for name, pair in compared.items()
        },
        "runs": runs,
    }


def guided() -> dict[str, Any]:
    """Peak in MB of what a guided run of 8 takes holds beside its weights, on the CPU."""
    from torch.profiler import ProfilerActivity, profile

    size = replace(base(TINY), hidden=256, layers=12, heads=8, kv_heads=4, head_dim=32, latent=64)
    pipeline, settings = ours(size, torch.float32), replace(TURBO, steps=3, guidance_scale=7.0)
    words = replace(prompt(6), lyrics="[verse]\n" + "la la " * 100)
    takes = Task(words, 150, tuple(range(8)))
    pipeline.latents_of(takes, settings)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        pipeline.latents_of(takes, settings)
    events = [each for each in profiled.profiler.kineto_results.events() if each.nbytes()]
    held = peak = 0
    for event in sorted(events, key=lambda each: each.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return {"takes": 8, "tokens_of_words": sum(pipeline.words.tokens(words)), "peak_mb": peak / 1e6}


def codes(size: str) -> dict[str, Any]:
    """Seconds that a code planner with random weights takes for a code: 6 s of a song."""
    model, tokenizer = build_code_planner(**CODE_PLANNERS[size])
    planner = CodePlanner(model.to(best_dtype(torch.device("cpu"))), tokenizer)
    planner.write(prompt(1), 1)
    seconds, written = timed(lambda: planner.write(prompt(6), 1))
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "codes": len(written),
        **{f"{name}_a_code": value / len(written) for name, value in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one object, nothing else")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--tiny", action="store_true", help="tiny weights: try the benchmark out")
    parser.add_argument("--guided", action="store_true", help="the memory of a guided run")
    parser.add_argument("--codes", choices=CODE_PLANNERS, help="what planning codes takes")
    parser.add_argument("--full", action="store_true", help="the same as benchmarks.full_size")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if options.full:
        script = [sys.executable, "-m", "benchmarks.full_size", *["--tiny"] * options.tiny]
        raise SystemExit(subprocess.run(script, check=False).returncode)
    if options.guided:
        report = guided()
    elif options.codes:
        report = codes(options.codes)
    else:
        report = compare(TINY if options.tiny else MEDIUM, options.seconds, options.rounds, say)
    if options.json or options.guided or options.codes:
        print(json.dumps(report, indent=1))
        return
    for name in ("seconds", "rounds", "parameters", "threads", "default_precision"):
        print(f"{name}: {report[name]}")
    for name, value in report.items():
        if isinstance(value, float):
            sign, limit = TARGETS.get(name, ("", 0.0))
            print(f"{name}: {value:.4g}" + (f" (wanted {sign} {limit:g})" if sign else ""))


if __name__ == "__main__":
    main()
