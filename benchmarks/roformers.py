"""How much faster a mix is split by RoFormers of full size than by the package that publishes them.

    python -m benchmarks.roformers --kind bs --json     # an idle machine, minutes
    python -m benchmarks.roformers --kind mel --json

Needs bs-roformer-infer or melband-roformer-infer (MIT). Networks of the published sizes
(BS-RoFormer SW of six stems, Mel-Band RoFormer of vocals) with random weights split the same
made-up music, every arm in a process of its own:

stock      the package's network and its own way of cutting a song (utils.demix_track)
placed     the package's network on our segments, to compare sums with
equal      ours in float32
default    ours as it is used: bfloat16 where the processor has it and the first segment agrees

--seconds cuts the music and --segment the segments (seconds), for machines with less time; both
sides get the same. Figures are wall and CPU seconds of one split after the network is loaded.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.stems import RATE, music
from stems.splitting.network import snr_db

ARMS = ("stock", "placed", "equal", "default")
SHAPES: dict[str, dict[str, Any]] = {
    "bs": {
        "dim": 256, "depth": 12, "stereo": True, "num_stems": 6, "time_transformer_depth": 1,
        "freq_transformer_depth": 1, "dim_head": 64, "heads": 8, "mask_estimator_depth": 2,
        "stft_hop_length": 512,
    },
    "mel": {
        "dim": 384, "depth": 6, "stereo": True, "num_stems": 1, "time_transformer_depth": 1,
        "freq_transformer_depth": 1, "num_bands": 60, "dim_head": 64, "heads": 8,
        "mask_estimator_depth": 2, "stft_hop_length": 441,
    },
}  # fmt: skip
SEGMENTS_SECONDS = {"bs": 588_800 / RATE, "mel": 8.0}
NAMES = {"bs": ["bass", "drums", "other", "vocals", "guitar", "piano"], "mel": ["vocals", "other"]}


def stock_network(kind: str) -> Any:
    """The package's network, freshly made; gains and biases random as well."""
    import torch

    torch.manual_seed(1)
    if kind == "bs":
        from bs_roformer.bs_roformer import BSRoformer as Network
    else:
        from mel_band_roformer.mel_band_roformer import MelBandRoformer as Network
    network = Network(**SHAPES[kind]).eval()
    with torch.no_grad():
        for name, each in network.named_parameters():
            if each.ndim == 1 and not name.endswith("freqs"):
                each += 0.1 * torch.randn_like(each)
    return network


def save_network(kind: str, folder: Path, segment_seconds: float) -> None:
    """Write weights and configuration in the public layout."""
    import torch

    torch.save(stock_network(kind).state_dict(), folder / "network.ckpt")
    target = "vocals" if kind == "mel" else None
    config = {
        "model": SHAPES[kind],
        "training": {"instruments": NAMES[kind], "target_instrument": target},
        "inference": {"chunk_size": round(segment_seconds * RATE), "num_overlap": 2},
    }
    (folder / "network.yaml").write_text(yaml.safe_dump(config), "utf-8")


def run_arm(arm: str, kind: str, folder: Path) -> dict[str, object]:
    """Be the process of one arm: split, keep the stems, and say what it took."""
    mix = np.load(folder / "mix.npy")
    split = _ours(arm, kind, folder) if arm != "stock" else _stock(kind, folder)
    times = []
    facts = None
    for _ in range(2 if arm == "default" else 1):
        wall, cpu = time.perf_counter(), time.process_time()
        stems, facts = split(mix)
        times.append([time.perf_counter() - wall, time.process_time() - cpu])
    np.save(folder / f"{arm}.npy", stems)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall_and_cpu_seconds": times, "peak_mb": round(peak), "facts": facts}


def _stock(kind: str, folder: Path) -> Any:
    import importlib

    import torch
    from ml_collections import ConfigDict

    package = "bs_roformer" if kind == "bs" else "mel_band_roformer"
    utils = importlib.import_module(f"{package}.utils")
    network = stock_network(kind)
    network.load_state_dict(torch.load(folder / "network.ckpt", weights_only=True, mmap=True))
    config = ConfigDict(yaml.safe_load((folder / "network.yaml").read_text("utf-8")))

    def split(mix: np.ndarray) -> Any:
        device = torch.device("cpu")
        found, _ = utils.demix_track(config, network, torch.from_numpy(mix), device)
        names = NAMES[kind] if kind == "bs" else ["vocals"]
        return np.stack([found[name] for name in names]).astype(np.float32), None

    return split


def _ours(arm: str, kind: str, folder: Path) -> Any:
    from audio.clip import Clip
    from stems.plain import as_plain
    from stems.splitting import network, splitter

    if arm == "placed":
        stock = stock_network(kind)

        def way(module: Any, precision: str, device: str) -> Any:
            def forward(mixes: Any, tick: Any) -> Any:
                found = stock(mixes)
                found = found if found.ndim == 4 else found[:, None]
                missing = mixes.shape[-1] - found.shape[-1]
                import torch

                found = torch.nn.functional.pad(found, (0, missing))
                rest = mixes[:, None] - found if kind == "mel" else found[:, :0]
                return torch.cat([found, rest], 1)

            return forward

        network._way = way
    ours = splitter.Splitter(
        arm, folder / "network.ckpt", precision="" if arm == "default" else "float32"
    )
    if arm == "placed":
        ours.network.at_once = 1

    def split(mix: np.ndarray) -> Any:
        clips = ours.split(Clip(mix, RATE), stems=ours.gives)
        words = {"other": "melody"} if kind == "bs" else {}
        names = NAMES[kind] if kind == "bs" else ["vocals"]
        return np.stack([clips[words.get(n, n)].samples for n in names]), as_plain(ours.facts())

    ours.facts()
    return split


def compare(kind: str, seconds: float, segment_seconds: float) -> dict[str, object]:
    """Run the arms one after the other and put their figures beside each other."""
    runs: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="backline-bench-") as name:
        folder = Path(name)
        np.save(folder / "mix.npy", music(seconds, 1))
        save_network(kind, folder, segment_seconds)
        for arm in ARMS:
            program = [sys.executable, "-m", "benchmarks.roformers", "--kind", kind, "--arm", arm]
            ran = subprocess.run([*program, name], stdout=subprocess.PIPE, text=True, check=True)
            runs[arm] = json.loads(ran.stdout.splitlines()[-1])
            print(f"{arm}: {runs[arm]['wall_and_cpu_seconds']}", file=sys.stderr)
        stems = {arm: np.load(folder / f"{arm}.npy") for arm in ARMS}

    def took(arm: str, clock: int) -> float:
        return float(runs[arm]["wall_and_cpu_seconds"][-1][clock])

    apart = np.abs(stems["equal"] - stems["placed"]).max() / np.abs(stems["placed"]).max()
    peaks = {arm: runs[arm]["peak_mb"] for arm in ARMS}
    return {
        "kind": kind, "seconds": seconds, "segment_seconds": round(segment_seconds, 3),
        "speedup_equal": took("stock", 0) / took("equal", 0),
        "speedup_equal_same_segments": took("placed", 0) / took("equal", 0),
        "speedup_default": took("stock", 0) / took("default", 0),
        "cpu_speedup_equal": took("stock", 1) / took("equal", 1),
        "cpu_speedup_default": took("stock", 1) / took("default", 1),
        "max_difference_equal": float(apart),
        "snr_default_db": snr_db(stems["equal"], stems["default"]),
        "peak_memory_ratio": max(peaks["equal"], peaks["default"]) / peaks["stock"],
        "peak_mb": peaks, "default": runs["default"]["facts"],
        "wall_and_cpu_seconds": {arm: run["wall_and_cpu_seconds"] for arm, run in runs.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the splitting of a mix by RoFormers.")
    parser.add_argument("--kind", choices=tuple(SHAPES), default="bs")
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--segment", type=float, default=0.0, help="seconds; 0: as published")
    parser.add_argument("--arm", choices=ARMS, help="be one arm's process (used by the program)")
    parser.add_argument("--json", action="store_true", help="the same output, for scripts")
    parser.add_argument("folder", nargs="?", type=Path)
    options = parser.parse_args()
    if options.arm:
        print(json.dumps(run_arm(options.arm, options.kind, options.folder)))
        return
    segment = options.segment or SEGMENTS_SECONDS[options.kind]
    print(json.dumps(compare(options.kind, options.seconds, segment), indent=1))


if __name__ == "__main__":
    main()
