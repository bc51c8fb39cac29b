"""What the large engines take at full size on a GPU: `python -m benchmarks.full_size [--tiny]`.

Random weights as large as ACE-Step 1.5 turbo (2 B) and XL (4 B) play 30 and 60 s, one, four and
eight takes, the stock pipeline and ours in turn; then ours with compiled blocks, and on a memory
that is capped, by the modes that fit there; then Stable Audio 3's two sizes, stock and ours. Peaks
of memory stand beside the seconds. No run begins after `--limit-seconds` (540), and what was left
out is named. `--tiny` tries the script out with tiny weights, on a CPU if need be. It is printed
as one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from diffusers.utils import logging

from benchmarks import random_ace_step, random_stable_audio
from benchmarks.ace_step import TURBO, ours, play_stock, task, timed
from diffusion.ace_step.player import Player
from diffusion.errors import EngineError
from diffusion.memory import GIB, MODES
from diffusion.stable_audio import pipeline as stable_audio
from diffusion.stable_audio.task import Task as StableAudioTask

MARK_SECONDS = 4.8  # for 60 s of music, to be beaten
REPEATS = 2
BATCHES = (1, 4, 8)
CAPS_GIB = {"offload": 8.0, "low": 5.0}  # of all memory, for turbo
WORDS = "lofi, rhodes, 92 BPM, A minor"


class Course:
    """Runs until the time is up; keeps figures, and the names of what was left out."""

    def __init__(self, device: torch.device, limit_seconds: float) -> None:
        self.device = device
        self._end = time.monotonic() + limit_seconds
        self.runs: list[dict[str, Any]] = []
        self.left_out: list[str] = []

    def run(self, name: str, seconds: int, takes: int, play: Callable[[], object]) -> None:
        """Play once to choose kernels, then REPEATS times; the median is kept."""
        title = f"{name}, {seconds} s x {takes}"
        if time.monotonic() > self._end:
            self.left_out.append(title)
            return
        try:
            self._once(play)
            if self.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            walls = [timed(lambda: self._once(play))[0]["wall_seconds"] for _ in range(REPEATS)]
        except (torch.OutOfMemoryError, EngineError) as error:
            self.left_out.append(f"{title}: {' '.join(str(error).split())[:120]}")
            return
        peak = torch.cuda.max_memory_allocated() / GIB if self.device.type == "cuda" else None
        wall = statistics.median(walls)
        self.runs.append(
            {"run": name, "seconds": seconds, "takes": takes, "wall_seconds": wall, "gib": peak}
        )
        print(f"{title}: {wall:.2f} s" + (f", {peak:.1f} GiB" if peak else ""), file=sys.stderr)

    def _once(self, play: Callable[[], object]) -> None:
        play()
        if self.device.type == "cuda":
            torch.cuda.synchronize()


@contextmanager
def capped(device: torch.device, gib: float) -> Iterator[None]:
    """Only so much memory of the device inside the `with`; a CPU is not capped."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.set_per_process_memory_fraction(
        gib * GIB / torch.cuda.get_device_properties(device).total_memory
    )
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def ace_step(course: Course, name: str, size: Any, lengths: tuple[int, ...]) -> None:
    """Stock and ours in turn, and ours with compiled blocks."""
    dtype = torch.bfloat16 if course.device.type == "cuda" else torch.float32
    stock = random_ace_step.build(size)
    stock.to(course.device, dtype)
    mine = ours(size, dtype, str(course.device))
    for seconds in lengths:
        for takes in BATCHES:
            play = task(seconds, tuple(range(1, takes + 1)))
            alone = partial(play_stock, stock, seconds, batch=takes)
            course.run(f"{name} stock", seconds, takes, alone)
            course.run(f"{name} ours", seconds, takes, partial(mine.play, play, TURBO))
    del stock, alone
    if course.device.type == "cuda":  # on a CPU it is not what is asked here
        for layer in mine.transformer.layers:
            layer.compile()
        for takes in BATCHES[:2]:
            play = task(lengths[-1], tuple(range(1, takes + 1)))
            title = f"{name} ours, blocks compiled"
            course.run(title, lengths[-1], takes, partial(mine.play, play, TURBO))
    torch.compiler.reset()
    del mine
    forget(course.device)


def modes(course: Course, size: Any, seconds: int) -> None:
    """Ours in the lower modes, on a memory that has no room for more."""
    dtype = torch.bfloat16 if course.device.type == "cuda" else torch.float32
    for mode in MODES[1:]:
        pipeline = ours(size, dtype, "cpu")
        with capped(course.device, CAPS_GIB[mode.name]):
            player = Player(pipeline, course.device, mode)
            player.begin(())
            title = f"turbo {mode.name} within {CAPS_GIB[mode.name]:g} GiB"
            course.run(title, seconds, 1, partial(player.play, task(seconds), TURBO, quiet))
        del player, pipeline
        forget(course.device)


def stable_audio_3(course: Course, name: str, size: Any, lengths: tuple[int, ...]) -> None:
    """Stock and ours in turn, one take."""
    pipeline = random_stable_audio.build(size)
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            half = course.device.type == "cuda" and part is not pipeline.vae
            part.to(course.device, torch.bfloat16 if half else torch.float32)
    settings = stable_audio.default_settings(pipeline)
    for seconds in lengths:
        play = StableAudioTask(WORDS, float(seconds), (1,))
        steps = settings.steps
        alone = partial(pipeline, prompt=WORDS, duration=float(seconds), num_inference_steps=steps)
        course.run(f"{name} stock", seconds, 1, alone)
        lean = partial(stable_audio.play, pipeline, play, settings, quiet)
        course.run(f"{name} ours", seconds, 1, lean)
    del pipeline, alone, lean
    forget(course.device)


def quiet(stage: str, done: float) -> None:
    """Progress that nobody reads."""


def forget(device: torch.device) -> None:
    """Give memory back."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="tiny weights, 6 s, any device")
    parser.add_argument("--limit-seconds", type=float, default=540.0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    if not options.tiny and not torch.cuda.is_available():
        raise SystemExit("benchmarks.full_size needs a CUDA GPU, and there is none here")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    course = Course(device, options.limit_seconds)
    tiny = random_ace_step.TINY, random_stable_audio.TINY
    lengths = (6,) if options.tiny else (30, 60)
    ace_step(course, "turbo", tiny[0] if options.tiny else random_ace_step.FULL, lengths)
    xl = random_ace_step.TINY if options.tiny else random_ace_step.XL
    ace_step(course, "xl", xl, lengths)
    modes(course, tiny[0] if options.tiny else random_ace_step.FULL, lengths[-1])
    for name, size in (
        ("sa3-small", random_stable_audio.SMALL), ("sa3-medium", random_stable_audio.MEDIUM),
    ):  # fmt: skip
        stable_audio_3(course, name, tiny[1] if options.tiny else size, lengths)
    gpu = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    report = {
        "device": gpu, "torch": torch.__version__, "mark_seconds_for_60_s": MARK_SECONDS,
        "runs": course.runs, "left_out": course.left_out,
    }  # fmt: skip
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
