"""How quick the daemon answers beside a job that computes, and under 20,000 messages a second."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import threading
import time

from osc_protocol.client import Client
from osc_protocol.codec import encode
from osc_protocol.generate import Generate
from osc_protocol.messages import PauseQueue, QueuePaused, Started
from tests.daemon.conftest import DEADLINE_SECONDS
from tests.torture.figures import Figure, Scale
from tests.torture.latency import PAUSE_SECONDS, REQUESTS, cancel_all, requests
from tests.torture.running import running

SOURCES, MESSAGES_HZ = 16, 20_000
PACE_SECONDS = 0.005
FLOOD = """
import socket, sys, time
port, sources, hz, seconds, data = *map(int, sys.argv[1:5]), bytes.fromhex(sys.argv[5])
wires = []
for _ in range(sources):
    wires.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    wires[-1].connect(("127.0.0.1", port))
began, sent = time.perf_counter(), 0
while (now := time.perf_counter() - began) < seconds:
    while sent < now * hz:
        try:
            wires[sent % sources].send(data)
        except OSError:
            pass
        sent += 1
    time.sleep(0.001)
print(sent / seconds)
"""


def run(scale: Scale) -> list[Figure]:
    count = scale.count(300, 5_000)
    with running(scale.folder / "load") as daemon, daemon.client() as client:
        port = daemon.port
        client.subscribe(scope="mine")
        for _ in client.watch(client.submit(Generate(bpm=240.0, key="C", bars=1, seed=1)).job):
            pass  # until all is imported
        idle = paced_pings(port, count)
        long_one = Generate(bpm=40.0, key="C", bars=80, seed=2)
        job = client.submit(long_one).job
        while not isinstance(client.next_event(DEADLINE_SECONDS), Started):
            pass
        client.ask(PauseQueue, QueuePaused)
        beside = paced_pings(port, count)
        accepted = requests(port, REQUESTS, 0)
        cancel_all(client, states=("queued",))
        paused = requests(port, REQUESTS, 100, PAUSE_SECONDS)
        still = client.job(job).state == "running"
        client.cancel(job)
        cancel_all(client)
        figures = [
            Figure("ping each 5 ms, idle, p50", statistics.median(idle), "us"),
            Figure("ping each 5 ms, beside a job that computes, p50", statistics.median(beside),
                   "us"),
            Figure("p99 of these, idle", p99(idle), "us"),
            Figure("p99 of these, beside the job over idle", p99(beside) / p99(idle), "x", 2.0),
            Figure("generate to accepted beside the job, p50, back to back",
                   statistics.median(accepted), "us", 1_000.0),
            Figure("the same, one each 6 ms", statistics.median(paused), "us"),
            Figure("the job ended before that was measured", not still, "", 0),
            *flood(scale, client, port),
        ]  # fmt: skip
        client.quit()
    return figures


def p99(times: list[float]) -> float:
    return sorted(times)[int(0.99 * (len(times) - 1))]


def paced_pings(port: int, count: int) -> list[float]:
    """Round trips in microseconds, one each 5 ms."""
    times, ping, never = list[float](), encode("/ping", "", ()), threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(10.0)
        wire.connect(("127.0.0.1", port))
        for _ in range(count):
            began = time.perf_counter()
            wire.send(ping)
            wire.recv(1_024)
            times.append((time.perf_counter() - began) * 1e6)
            never.wait(PACE_SECONDS)
    return times


def flood(scale: Scale, client: Client, port: int) -> list[Figure]:
    """Messages of 16 sources at once; a client that keeps within its limit sends beside them."""
    seconds = scale.count(3, 30)
    status = encode("/backline/status", "s", ("f1",)).hex()
    words = [sys.executable, "-c", FLOOD, *map(str, (port, SOURCES, MESSAGES_HZ, seconds)), status]
    times, asked = list[float](), 0
    never = threading.Event()
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire,
    ):
        wire.settimeout(2.0)
        wire.connect(("127.0.0.1", port))
        while process.poll() is None:
            asked += 1
            began = time.perf_counter()
            wire.send(encode("/backline/status", "s", (f"s{asked}",)))
            try:
                while f"s{asked}".encode() not in wire.recv(65_507):
                    pass
                times.append((time.perf_counter() - began) * 1e3)
            except TimeoutError:
                pass
            never.wait(0.02)
        assert process.stdout is not None
        rate = float(process.stdout.read())
    name = f"{SOURCES} sources, {seconds} s"
    return [
        Figure(f"{name}: messages a second", rate, "/s"),
        Figure(f"of {asked} requests of an honest client beside them: lost", asked - len(times),
               "", 0),
        Figure("the same: slowest answer", max(times, default=0.0), "ms"),
    ]  # fmt: skip
