"""How much faster a mix is split than by stock demucs, and at what difference.

    python -m benchmarks.stems --json          # on an idle machine, some minutes
    python -m benchmarks.stems --busy --json   # the same with another program on one core

Networks of the full size of htdemucs with random weights (LayerScale raised, so that every branch
says something) split the same made-up music, each arm in a process of its own, the arms in turn:

stock      demucs.api.Separator as it comes, but for the random shift (shifts=0)
placed     demucs' network and kernels on our segments, to compare sums with
equal      ours in float32
default    ours as it is used: bfloat16 where the processor has it and the first segment agrees

What is timed is one split after the network is loaded; `default` splits twice, since the first
split of a process pays for the check of bfloat16. Speedups are of wall time, stock over ours.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from audio.decibels import power_to_db

RATE = 44_100
SOURCES = ["drums", "bass", "other", "vocals"]
ARMS = ("stock", "placed", "equal", "default")
BUSY = "while True: sum(range(10_000))"


def music(seconds: float, seed: int) -> np.ndarray:
    """Drums, bass, chords and a voice of sorts at 120 bpm, (2, frames), peak below 1."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * RATE)) / RATE
    beat = at % 0.5
    drums = np.sin(2 * np.pi * 60 * beat * np.exp(-4 * beat)) * np.exp(-18 * beat)
    drums += 0.3 * random.normal(0, 1, at.size) * np.exp(-60 * (at % 0.25))
    bass = np.sign(np.sin(2 * np.pi * 55 * at)) * np.exp(-3 * beat)
    chords = sum(np.sin(2 * np.pi * f * at + np.sin(2 * np.pi * f * at)) for f in (220, 277, 330))
    voice = np.sin(2 * np.pi * 440 * at + 3 * np.sin(2 * np.pi * 5 * at)) * (np.sin(at) > 0)
    mono = 0.25 * drums + 0.1 * bass + 0.05 * chords + 0.1 * voice
    return np.stack([mono, np.roll(mono, 200) * 0.9]).astype(np.float32)


def save_network(path: Path, seed: int) -> None:
    """Write an HTDemucs of the released one's shape, 42 million random parameters in float16."""
    import torch
    from demucs.demucs import LayerScale
    from demucs.htdemucs import HTDemucs
    from demucs.transformer import LayerScale as TransformerScale
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    kwargs: dict[str, Any] = {"dconv_mode": 3, "bottom_channels": 512}
    network = HTDemucs(SOURCES, segment=Fraction(39, 5), **kwargs)
    for module in network.modules():
        if isinstance(module, LayerScale | TransformerScale):
            module.scale.data[:] = 0.2
    segment = {"_type": "fraction", "numerator": 39, "denominator": 5}
    facts = {
        "klass": "demucs.htdemucs.HTDemucs", "args": json.dumps([SOURCES]),
        "kwargs": json.dumps(kwargs | {"segment": segment}),
    }  # fmt: skip
    state = {name: value.half() for name, value in network.state_dict().items()}
    save_file(state, str(path), metadata=facts)


def run_arm(arm: str, folder: Path) -> dict[str, object]:
    """Be the process of one arm: split, keep the stems, and say what it took."""
    mix = np.load(folder / "mix.npy")
    times, facts = [], {}
    if arm == "stock":
        split = _stock(folder / "network.safetensors")
    else:
        splitter, split = _ours(folder / "network.safetensors", arm)
    for _ in range(2 if arm == "default" else 1):
        stems = None  # as much memory for the second split as for the first
        wall, cpu = time.perf_counter(), time.process_time()
        stems = split(mix)
        times.append([time.perf_counter() - wall, time.process_time() - cpu])
    if arm != "stock":
        facts = asdict(splitter.facts())
    np.save(folder / f"{arm}.npy", np.asarray(stems))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = most / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {"times": times, "peak_mb": megabytes, "facts": facts}


def _stock(network: Path) -> Any:
    import demucs.api
    import torch
    from demucs.hf import load_safetensors_model

    class Separator(demucs.api.Separator):  # type: ignore[misc]  # demucs is not followed
        def _load_model(self) -> None:
            self._model = load_safetensors_model(network).eval()
            self._audio_channels, self._samplerate = 2, RATE

    separator = Separator(device="cpu", shifts=0)

    def split(mix: np.ndarray) -> np.ndarray:
        stems = separator.separate_tensor(torch.from_numpy(mix), RATE)[1]
        return np.asarray(torch.stack([stems[name] for name in SOURCES]))

    return split


def _ours(path: Path, arm: str) -> tuple[Any, Any]:
    from audio.clip import Clip
    from stems.splitting import network, splitter

    if arm == "placed":
        splitter.tune_process = lambda: None  # type: ignore[attr-defined]
        network._way = lambda module, precision, device: lambda mixes, tick: module(mixes)
        assert network.tune_process is not splitter.tune_process  # type: ignore[attr-defined]
    ours = splitter.Splitter(arm, path, precision="" if arm == "default" else "float32")
    ours.facts()  # loads it
    if arm == "placed":
        ours.network.at_once = 1

    def split(mix: np.ndarray) -> np.ndarray:
        return np.stack([clip.samples for clip in ours.split(Clip(mix, RATE)).values()])

    return ours, split


@contextmanager
def busy_core(wanted: bool) -> Iterator[None]:
    """Keep one core busy, the last one we may use."""
    if not wanted:
        yield
        return
    other = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(other.pid, {max(os.sched_getaffinity(0))})
        yield
    finally:
        other.kill()
        other.wait()


def compare(seconds: float, rounds: int, seed: int, busy: bool) -> dict[str, object]:
    """Run all arms in turn and put their figures beside each other."""
    runs: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    with tempfile.TemporaryDirectory(prefix="backline-bench-") as name:
        folder = Path(name)
        np.save(folder / "mix.npy", music(seconds, seed))
        save_network(folder / "network.safetensors", seed)
        with busy_core(busy):
            for _ in range(rounds):
                for arm in ARMS:
                    program = [sys.executable, "-m", "benchmarks.stems", "--arm", arm, name]
                    ran = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
                    runs[arm].append(json.loads(ran.stdout.splitlines()[-1]))
                    print(f"{arm}: {runs[arm][-1]['times']}", file=sys.stderr)
        stems = {arm: np.load(folder / f"{arm}.npy") for arm in ARMS}

    def middle(arm: str, which: int = -1, clock: int = 0) -> float:
        return float(statistics.median(run["times"][which][clock] for run in runs[arm]))

    peaks = {arm: max(run["peak_mb"] for run in runs[arm]) for arm in ARMS}
    noise = np.square((stems["default"] - stems["equal"]).astype(np.float64)).sum()
    signal = np.square(stems["equal"].astype(np.float64)).sum()
    apart = np.abs(stems["equal"] - stems["placed"]).max() / np.abs(stems["placed"]).max()
    return {
        "speedup_equal": middle("stock") / middle("equal"),
        "speedup_equal_same_segments": middle("placed") / middle("equal"),
        "max_difference_equal": float(apart),
        "speedup_default": middle("stock") / middle("default"),
        "speedup_default_first": middle("stock") / middle("default", 0),
        "snr_default_db": float(power_to_db(signal / noise)) if noise else 200.0,
        "peak_memory_ratio": max(peaks["equal"], peaks["default"]) / peaks["stock"],
        "cpu_speedup_equal": middle("stock", clock=1) / middle("equal", clock=1),
        "cpu_speedup_default": middle("stock", clock=1) / middle("default", clock=1),
        "seconds": seconds,
        "busy": busy,
        "peak_mb": peaks,
        "default": runs["default"][-1]["facts"],
        "wall_and_cpu_seconds": {arm: [run["times"] for run in runs[arm]] for arm in ARMS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the splitting of a mix against demucs.")
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.arm:
        print(json.dumps(run_arm(asked.arm, Path(asked.folder))))
        return
    figures = compare(asked.seconds, asked.rounds, asked.seed, asked.busy)
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name}: {f'{value:.3g}' if isinstance(value, float) else value}")


if __name__ == "__main__":
    main()
