"""What a piece costs: time and memory of eight bars at 120 bpm, warm, in a process of its own.

    python -m training.judges.cost --threads 2

Prints JSON: how many times faster than real time (the median of three), and the most memory that
the process has held, in GB (10^9 bytes), the engine's libraries and weights included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from osc_protocol.generate import Generate

BARS, BPM, BEATS_A_BAR = 8, 120, 4
SECONDS = BARS * BEATS_A_BAR * 60 / BPM
SEEDS = (2, 3, 4)


def cost_in_a_process(threads: int) -> dict[str, float | None]:
    """Return what main() prints of another process, with so many threads."""
    command = [sys.executable, "-m", __name__, "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Generate four times, the first to warm up, and print the cost as JSON."""
    import torch

    from daemon.pipeline.generation import generate
    from diffusion.embedded.engine import EmbeddedEngine

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    engine = EmbeddedEngine()
    music = Generate(rid="cost", bpm=BPM, key="C major", bars=BARS, tags="pop", seed=1)
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate((1, *SEEDS)):
            request = replace(music, rid=f"cost-{seed}", seed=seed)
            began = time.perf_counter()
            out = Path(folder) / str(number)
            generate(request, engine, out, lambda stage, fraction: None, lambda: False)
            spent.append(time.perf_counter() - began)
    real_time = SECONDS / median(spent[1:])
    print(json.dumps({"times_real_time": real_time, "peak_gb": peak_gb()}))


def peak_gb() -> float:
    """Return the most memory that this program has held (Linux), in GB.

    Not ru_maxrss, in which a process begins with what its parent held.
    """
    status = Path("/proc/self/status").read_text("ascii")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) * 1024 / 1e9


if __name__ == "__main__":
    main()
