"""How quick the program starts: `python -m benchmarks.startup [--json]`, from a clone's root.

Measures, a few times each and taking the median, `backline --help` and a daemon from the start of
its process to its first pong; beside each the seconds of CPU, which a busy machine hardly changes
(Linux only).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osc_protocol.codec import encode

RUNS = 10
HELP_SECONDS, PONG_SECONDS = 0.3, 0.5  # what the project promises on an idle machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows = [
        _row("backline --help", HELP_SECONDS, [help_seconds() for _ in range(RUNS)]),
        _row("start to first pong", PONG_SECONDS, [pong_seconds() for _ in range(RUNS)]),
    ]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if arguments.json:
        print(json.dumps({"machine": platform.platform(), "load": load, "figures": rows}, indent=2))
        return
    print(f"{platform.platform()}, load average {load}, median of {RUNS}")
    for row in rows:
        met = "met" if row["met"] else "MISSED"
        cpu = "-" if row["cpu_seconds"] is None else f"{row['cpu_seconds']:.3f}"
        print(f"{row['name']:<22} {row['seconds']:.3f} s, {cpu} s of CPU; "
              f"at most {row['at_most_seconds']} s: {met}")  # fmt: skip


def _row(
    name: str, at_most_seconds: float, runs: list[tuple[float, float | None]]
) -> dict[str, object]:
    seconds = statistics.median(wall for wall, _ in runs)
    cpu = [each for _, each in runs if each is not None]
    return {
        "name": name, "seconds": seconds, "cpu_seconds": statistics.median(cpu) if cpu else None,
        "at_most_seconds": at_most_seconds, "met": seconds <= at_most_seconds,
    }  # fmt: skip


def help_seconds() -> tuple[float, float | None]:
    """Return how long `backline --help` takes, and how much of that on a CPU."""
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-m", "daemon", "--help"], check=True, capture_output=True)
    wall, after = time.perf_counter() - started, os.times()
    cpu = after.children_user - before.children_user + after.children_system
    return wall, cpu - before.children_system if os.name == "posix" else None


def pong_seconds() -> tuple[float, float | None]:
    """Return how long a new daemon takes to its first pong, and how much of that on a CPU."""
    with running_daemon() as (process, port, started):
        round_trip(port)
        return time.perf_counter() - started, _cpu_seconds(process.pid)


def _cpu_seconds(process: int) -> float | None:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return None


@contextmanager
def running_daemon() -> Iterator[tuple[subprocess.Popen[str], int, float]]:
    """Run a daemon in a home of its own; gives its process, its port and when it was started."""
    with tempfile.TemporaryDirectory(prefix="backline-bench-", ignore_cleanup_errors=True) as home:
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "daemon", "serve", "--osc-port", "0", "--home", home],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"udp://127\.0\.0\.1:(\d+)", line)
            if found is None:
                sys.exit(f"the daemon did not start: {line!r}")
            try:
                yield process, int(found[1]), started
            finally:
                process.terminate()  # and wait, so that its worker does not slow the next run
                process.wait()


def round_trip(port: int) -> float:
    """Return the seconds of one ping and its pong."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(5.0)
        wire.connect(("127.0.0.1", port))
        started = time.perf_counter()
        wire.send(encode("/ping", "", ()))
        wire.recv(1024)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
