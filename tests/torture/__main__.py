"""Torture of the daemon: python -m tests.torture [--full [--part F]] [--seed N] [POINT ...].

Without --full it takes minutes, with it hours, with --part 0.1 about a tenth of them. The seed is
printed; with the same one the same is
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

from tests.torture import disk, faults, kills, latency, load, loss, packets, soak, spoofing
from tests.torture.figures import Figure, Scale

POINTS: dict[str, Callable[[Scale], list[Figure]]] = {
    "packets": packets.run,
    "kills": kills.run,
    "faults": faults.run,
    "disk": disk.run,
    "loss": loss.run,
    "latency": latency.run,
    "load": load.run,
    "spoofing": spoofing.run,
    "soak": soak.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--part", type=float, default=1.0, help="share of the full counts, 0 to 1")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("points", nargs="*", choices=[[], *POINTS], metavar="POINT")
    asked = parser.parse_args()
    if not 0 < asked.part <= 1:
        parser.error(f"--part must be over 0 and at most 1, not {asked.part:g}")
    how_much = f", {asked.part:g} of full" if asked.full else ""
    print(f"seed {asked.seed}{how_much}", flush=True)
    missed = 0
    for name in asked.points or POINTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="backline-torture-") as folder:
            figures = POINTS[name](Scale(asked.full, asked.seed, Path(folder), asked.part))
        print(f"{name} ({time.monotonic() - began:.0f} s)", flush=True)
        for each in figures:
            limit = "" if each.limit is None else f"at most {each.limit:g}"
            verdict = "" if each.limit is None else ("met" if each.is_met else "MISSED")
            print(f"  {each.name:<75} {each.value:>10.4g} {each.unit:<4} {limit:<14} {verdict}")
            missed += not each.is_met
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
