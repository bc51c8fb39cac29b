"""Many jobs with hostile datagrams beside them: nothing grows, no mix changes."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from daemon.job_folders import bytes_in
from osc_protocol.client import Client
from osc_protocol.messages import Finished
from tests.daemon.conftest import RunningDaemon
from tests.torture.figures import Figure, Scale
from tests.torture.packets import SEEDS, mutated
from tests.torture.running import running, small_job

ROOM_MB = 20
SOURCES, HOSTILE_HZ = 16, 900.0  # within the limits of each and of all, so that all are read


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
        sent = [0]
        flooding = threading.Thread(target=flood, args=(daemon.port, hostile, scale, stop, sent))
        flooding.start()
        pings, answers = [0.0], [0.0]
        pinging = threading.Thread(target=ping_on, args=(daemon, pings, answers, stop))
        pinging.start()
        changed = sum(mix_of(client, 1) != calm for _ in range(jobs))
        stop.set()
        flooding.join()
        pinging.join()
        worst_ms = max(*pings, *(client.ping() for _ in range(20))) * 1e3
        after = facts(daemon.process.pid)
        disk_mb = room_taken(daemon.home / "jobs") / 1e6
        log_bytes = (daemon.home / "log" / "daemon.log").stat().st_size
        client.quit()
    return [
        Figure(f"of {jobs} mixes beside {sent[0]} hostile datagrams: not bit-identical", changed,
               "", 0),
        Figure("memory of the front process grew by", (after[0] - before[0]) / 2**20, "MiB", 8.0),
        Figure("descriptors grew by", after[1] - before[1], "", 2),
        Figure("threads grew by", after[2] - before[2], "", 2),
        Figure("slowest ping beside and after it", worst_ms, "ms", 50.0),
        Figure("slowest status beside it", max(answers) * 1e3, "ms"),
        Figure("log", log_bytes / 1e3, "kB"),
        Figure(f"results on the disk, {ROOM_MB} MB allowed", disk_mb, "MB", ROOM_MB),
    ]  # fmt: skip


def mix_of(client: Client, seed: int) -> str:
    """Have a job played and return the hash of its mix."""
    *_, end = client.watch(client.submit(small_job(seed)).job)
    assert isinstance(end, Finished) and end.state == "done", end
    return hashlib.sha256((Path(end.folder) / "mix.wav").read_bytes()).hexdigest()


def ping_on(
    daemon: RunningDaemon, pings: list[float], answers: list[float], stop: threading.Event
) -> None:
    """Ping and ask for the status ten times a second, as another client; keep the seconds."""
    with daemon.client() as client:
        while not stop.wait(0.1):
            pings.append(client.ping())
            began = time.monotonic()
            client.status()
            answers.append(time.monotonic() - began)


def room_taken(folder: Path) -> int:
    """Wait until the daemon has deleted what is too much, a minute at most; returns bytes."""
    end, never = time.monotonic() + 60.0, threading.Event()
    while True:
        size = bytes_in(folder)
        if size <= ROOM_MB * 1e6 or time.monotonic() > end:
            return size
        never.wait(0.5)


def flood(port: int, count: int, scale: Scale, stop: threading.Event, sent: list[int]) -> None:
    """Send mutated packets from several sources in turn; `sent` gets how many those were."""
    chance = scale.chance("flood")
    quits = (b"/backline/quit", b"/backline/pause", b"/backline/cancel", b"/backline/generate")
    with ExitStack() as sockets:
        wires = []
        for _ in range(SOURCES):
            wires.append(sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            wires[-1].connect(("127.0.0.1", port))
        began = time.monotonic()
        for number in range(count):
            packet = mutated(chance, SEEDS)
            while any(each in packet for each in quits):
                packet = mutated(chance, SEEDS)
            try:
                wires[number % SOURCES].send(packet)
                sent[0] += 1
            except OSError:  # its own answers are not read
                pass
            if stop.wait(max(0.0, began + number / HOSTILE_HZ - time.monotonic())):
                return


def facts(process: int) -> tuple[int, int, int]:
    """Resident bytes, descriptors and threads of a process; Linux only."""
    folder = Path(f"/proc/{process}")
    pages = int((folder / "statm").read_text().split()[1])
    return (
        pages * os.sysconf("SC_PAGESIZE"),
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
    )
