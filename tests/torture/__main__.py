"""Torture of the daemon: python -m tests.torture [--full] [--seed N] [POINT ...].

Without --full it takes minutes, with it hours. The seed is printed; with the same one the same is
tried again. Exit status 1 where a value is over its limit.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture import faults, kills, latency, loss, packets, soak
from tests.torture.figures import Figure, Scale

POINTS: dict[str, Callable[[Scale], list[Figure]]] = {
    "packets": packets.run,
    "kills": kills.run,
    "faults": faults.run,
    "loss": loss.run,
    "latency": latency.run,
    "soak": soak.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("points", nargs="*", choices=[[], *POINTS], metavar="POINT")
    asked = parser.parse_args()
    print(f"seed {asked.seed}{', full' if asked.full else ''}", flush=True)
    missed = 0
    for name in asked.points or POINTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="backline-torture-") as folder:
            figures = POINTS[name](Scale(asked.full, asked.seed, Path(folder)))
        print(f"{name} ({time.monotonic() - began:.0f} s)", flush=True)
        for each in figures:
            limit = "" if each.limit is None else f"at most {each.limit:g}"
            verdict = "" if each.limit is None else ("met" if each.is_met else "MISSED")
            print(f"  {each.name:<75} {each.value:>10.4g} {each.unit:<4} {limit:<14} {verdict}")
            missed += not each.is_met
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
