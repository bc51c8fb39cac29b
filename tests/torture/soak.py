"""Many jobs with hostile datagrams beside them: nothing grows, no mix changes."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path

from osc_protocol.client import Client
from osc_protocol.codec import encode
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished
from tests.daemon.conftest import RunningDaemon
from tests.torture.figures import Figure, Scale
from tests.torture.packets import SEEDS, mutated
from tests.torture.running import running

ROOM_MB = 20  # some ten results


def run(scale: Scale) -> list[Figure]:
    jobs, hostile = scale.count(10, 5_000), scale.count(4_000, 100_000)
    limits = {"prune_over": f"{ROOM_MB}MB"}
    with running(scale.folder / "soak", **limits) as daemon, daemon.client() as client:
        client.subscribe(scope="mine")
        calm = mix_of(client, 1)
        for seed in range(2, 6):  # until all is imported, and caches are full
            mix_of(client, seed)
        before = facts(daemon.process.pid)
        stop = threading.Event()
        sent = threading.Thread(target=flood, args=(daemon.port, hostile, scale, stop))
        sent.start()
        pings: list[float] = [0.0]
        pinging = threading.Thread(target=ping_on, args=(daemon, pings, stop))
        pinging.start()
        changed = sum(mix_of(client, 1) != calm for _ in range(jobs))
        stop.set()
        sent.join()
        pinging.join()
        worst_ms = max(*pings, *(client.ping() for _ in range(20))) * 1e3
        after = facts(daemon.process.pid)
        disk_mb = room_taken(daemon.home / "jobs") / 1e6
        log_bytes = (daemon.home / "log" / "daemon.log").stat().st_size
        client.quit()
    return [
        Figure(f"of {jobs} mixes beside hostile datagrams: not bit-identical", changed, "", 0),
        Figure("memory of the front process grew by", (after[0] - before[0]) / 2**20, "MiB", 8.0),
        Figure("descriptors grew by", after[1] - before[1], "", 2),
        Figure("threads grew by", after[2] - before[2], "", 2),
        Figure("slowest ping beside and after it", worst_ms, "ms", 50.0),
        Figure("log", log_bytes / 1e3, "kB"),
        Figure(f"results on the disk, {ROOM_MB} MB allowed", disk_mb, "MB", ROOM_MB),
    ]


def mix_of(client: Client, seed: int) -> str:
    """Have a job played and return the hash of its mix."""
    request = Generate(bpm=240.0, key="C", bars=1, seed=seed)
    *_, end = client.watch(client.submit(request).job)
    assert isinstance(end, Finished) and end.state == "done", end
    return hashlib.sha256((Path(end.folder) / "mix.wav").read_bytes()).hexdigest()


def ping_on(daemon: RunningDaemon, times: list[float], stop: threading.Event) -> None:
    """Ping ten times a second, as another client, and keep the seconds of each."""
    with daemon.client() as client:
        while not stop.wait(0.1):
            times.append(client.ping())


def room_taken(folder: Path) -> int:
    """Wait until the daemon has deleted what is too much, a minute at most; returns bytes."""
    end, never = time.monotonic() + 60.0, threading.Event()
    while True:
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if size <= ROOM_MB * 1e6 or time.monotonic() > end:
            return size
        never.wait(0.5)


def flood(port: int, count: int, scale: Scale, stop: threading.Event) -> None:
    chance = scale.chance("flood")
    quits = (b"/backline/quit", b"/backline/pause", b"/backline/cancel")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect(("127.0.0.1", port))
        for _ in range(count):
            packet = mutated(chance, SEEDS)
            if not any(each in packet for each in (*quits, b"/backline/generate")):
                try:
                    wire.send(packet)
                except OSError:  # its own answers are not read
                    pass
            if stop.wait(0.0005):
                return
        wire.send(encode("/ping", "", ()))


def facts(process: int) -> tuple[int, int, int]:
    """Resident bytes, descriptors and threads of a process; Linux only."""
    folder = Path(f"/proc/{process}")
    pages = int((folder / "statm").read_text().split()[1])
    return (
        pages * os.sysconf("SC_PAGESIZE"),
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
    )
