"""How quick the daemon is: `python -m benchmarks.daemon [--json]`, from the root of a clone.

Starts a daemon of its own and measures, on this machine as it is: jobs of 8 bars at 120 BPM on
the warm embedded engine from request to manifest, peak memory, and the round trip of /ping while
idle and while jobs run. Pings are 10 ms apart in both, so that their two p99 can be compared.
How quick it starts is measured by benchmarks.startup.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.startup import running_daemon
from osc_protocol.client import Client
from osc_protocol.codec import encode
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished

BARS, BPM = 8, 120.0
MUSIC_SECONDS = BARS * 4 * 60.0 / BPM
JOBS = 5
PING_PAUSE_SECONDS = 0.010
IDLE_PINGS = 1_000
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Figure:
    """One measured value; `target` is what the project promises, `met` None without one."""

    name: str
    value: float | None
    unit: str
    target: str = ""
    met: bool | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    figures = measure()
    machine = f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if arguments.json:
        facts = {"machine": machine, "load": load(), "figures": [asdict(f) for f in figures]}
        print(json.dumps(facts, indent=2))
        return
    print(f"{machine}, load average {load():.1f}")
    for figure in figures:
        value = "not measured here" if figure.value is None else f"{figure.value:.3f}"
        verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
        print(f"{figure.name:<52} {value:>10} {figure.unit:<10} {figure.target:<16} {verdict}")


def measure() -> list[Figure]:
    figures: list[Figure] = []
    with running_daemon() as (process, port, started):
        with Client(port=port, name="benchmark", client_id="benchmark") as client:
            client.subscribe(scope="mine")
            figures.append(_until_warm(client, started))
            idle = _pings(port, lambda count: count < IDLE_PINGS)
            jobs, busy = _jobs_and_pings(client, port)
            figures += _speed(jobs)
            figures += _latency(idle, busy)
            figures.append(_memory(process.pid))
            client.quit()
        process.wait(PATIENCE_SECONDS)
    return figures


def load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def _until_warm(client: Client, started: float) -> Figure:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.status().state == "loading":
        if time.monotonic() > deadline:
            sys.exit("the engine did not load")
        time.sleep(0.1)
    return Figure("start of the process to a warm engine", time.perf_counter() - started, "s")


def _pings(port: int, go_on: object) -> list[float]:
    """Round trips in seconds, one each 10 ms on one socket, while `go_on(count)` says so."""
    times: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(5.0)
        wire.connect(("127.0.0.1", port))
        datagram = encode("/ping", "", ())
        while go_on(len(times)):  # type: ignore[operator]
            started = time.perf_counter()
            wire.send(datagram)
            wire.recv(1024)
            times.append(time.perf_counter() - started)
            time.sleep(PING_PAUSE_SECONDS)
    return times


def _jobs_and_pings(client: Client, port: int) -> tuple[list[float], list[float]]:
    """Seconds from request to finished of each job, and the pings that went on beside them."""
    done = threading.Event()
    busy: list[float] = []
    pinger = threading.Thread(target=lambda: busy.extend(_pings(port, lambda _: not done.is_set())))
    pinger.start()
    jobs = []
    try:
        for seed in range(JOBS):
            request = Generate(bpm=BPM, key="A minor", bars=BARS, seed=seed)
            started = time.perf_counter()
            job = client.submit(request).job
            for event in client.watch(job):
                if isinstance(event, Finished):
                    jobs.append(time.perf_counter() - started)
                    if event.state != "done":
                        sys.exit(f"job {job} {event.state}: {event.message}")
                    if not (Path(event.folder) / "manifest.json").is_file():
                        sys.exit(f"job {job} has no manifest in {event.folder}")
    finally:
        done.set()
        pinger.join()
    return jobs, busy


def _speed(jobs: list[float]) -> list[Figure]:
    name = f"{BARS} bars at {BPM:g} BPM, request to manifest"
    median = statistics.median(jobs)
    factor = MUSIC_SECONDS / median
    return [
        Figure(f"{name}, median of {len(jobs)}", median, "s"),
        Figure(f"{name}, slowest", max(jobs), "s"),
        Figure("times faster than real time (median)", factor, "x", "at least 3", factor >= 3.0),
    ]


def _latency(idle: list[float], busy: list[float]) -> list[Figure]:
    figures = []
    for name, times in (("idle", idle), ("while generating", busy)):
        for percent in (50, 99):
            value = statistics.quantiles(times, n=100)[percent - 1] * 1000
            figures.append(Figure(f"/ping p{percent} {name}, {len(times)} pings", value, "ms"))
    ratio = (figures[3].value or 0.0) / (figures[1].value or 1.0)
    figures.append(
        Figure("/ping p99 while generating to idle", ratio, "x", "at most 3", ratio <= 3.0)
    )
    return figures


def _memory(daemon: int) -> Figure:
    """Peak resident memory of the daemon and its children together; Linux only."""
    name = "peak memory, daemon and worker"
    try:
        children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
        peaks = [_peak_bytes(pid) for pid in (daemon, *map(int, children))]
    except OSError:
        return Figure(name, None, "GB", "under 2")
    total = sum(peaks) / 1e9
    return Figure(name, total, "GB", "under 2", total < 2.0)


def _peak_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main()
