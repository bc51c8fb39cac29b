"""How quick the daemon answers, beside the echoes of liblo in C and of python-osc, in one run."""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from daemon.front_ends.osc import TOTAL_HZ
from osc_protocol.client import Client
from osc_protocol.codec import decode, encode
from osc_protocol.messages import PauseQueue, QueuePaused
from tests.torture.figures import Figure, Scale
from tests.torture.running import running

LIBLO_ECHO = r"""
#include <stdio.h>
#include <unistd.h>
typedef void *lo_server; typedef void *lo_address; typedef void *lo_message;
lo_server lo_server_new(const char *port, void *error);
int lo_server_get_port(lo_server s);
void *lo_server_add_method(lo_server s, const char *path, const char *types, void *h, void *data);
int lo_server_recv(lo_server s);
lo_address lo_message_get_source(lo_message m);
lo_message lo_message_new(void);
void lo_message_free(lo_message m);
int lo_send_message_from(lo_address to, lo_server from, const char *path, lo_message m);
static int pong(const char *p, const char *t, void **v, int c, lo_message m, void *s) {
  lo_message answer = lo_message_new();
  lo_send_message_from(lo_message_get_source(m), s, "/pong", answer);
  lo_message_free(answer);
  return 0;
}
int main(void) {
  lo_server s = lo_server_new(NULL, NULL);
  lo_server_add_method(s, "/ping", NULL, pong, s);
  printf("%d\n", lo_server_get_port(s)); fflush(stdout);
  for (;;) lo_server_recv(s);
}
"""
PYTHON_OSC_ECHO = """
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

dispatcher = Dispatcher()
dispatcher.map("/ping", lambda address, *args: ("/pong",))
server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


CLIENT_PINGS = 350  # under the burst that a client may send
CLIENTS = 8  # in turns: each has 2.4 s until its next one, and needs 1.8 s
REQUESTS, PAUSE_SECONDS = 40, 0.006  # under the burst; of jobs that may wait there are 64


@contextmanager
def echo(command: list[str]) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def liblo(folder: Path) -> list[str]:
    """Build liblo's echo; nothing where there is no compiler or no library."""
    source, program = folder / "echo.c", folder / "echo"
    source.write_text(LIBLO_ECHO)
    if shutil.which("cc") is None:
        return []
    built = subprocess.run(
        ["cc", "-O2", "-o", str(program), str(source), "-l:liblo.so.7"],
        capture_output=True, check=False,
    )  # fmt: skip
    return [str(program)] if built.returncode == 0 else []


@contextmanager
def ping_clients() -> Iterator[list[socket.socket]]:
    """Open sockets that take turns, each with time to rest until its next one.

    They stay open: a socket that is closed gives its port back, and one that is opened next may
    get it, with what the daemon's limit has left of its allowance.
    """
    with ExitStack() as sockets:
        wires = []
        for _ in range(CLIENTS):
            wires.append(sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            wires[-1].bind(("127.0.0.1", 0))
            wires[-1].settimeout(10.0)
        yield wires


def pings(wires: list[socket.socket], port: int, count: int) -> list[float]:
    """Round trips in microseconds, one after the other; each client keeps within its limit."""
    times: list[float] = []
    ping = encode("/ping", "", ())
    while len(times) < count:
        wires.append(wire := wires.pop(0))
        wire.connect(("127.0.0.1", port))
        for _ in range(min(CLIENT_PINGS, count - len(times))):
            began = time.perf_counter()
            wire.send(ping)
            answer = wire.recv(1024)
            times.append((time.perf_counter() - began) * 1e6)
            assert answer.startswith(b"/pong"), f"{answer[:80]!r} came for ping {len(times)}"
        time.sleep(CLIENT_PINGS / TOTAL_HZ)
    return times


def requests(port: int, count: int, first: int, pause_seconds: float = 0.0) -> list[float]:
    """Microseconds from a request to its acceptance, which is on disk then.

    They come one after the other, or with pauses, in which the processors may fall asleep.
    """
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(10.0)
        wire.connect(("127.0.0.1", port))
        for number in range(first, first + count):
            words = (f"speed{number}", 92.0, "A minor", 10.0, "dub techno, warm bass")
            datagram = encode("/backline/generate", "sfsfs", words)
            began = time.perf_counter()
            wire.send(datagram)
            answer = wire.recv(65_507)
            times.append((time.perf_counter() - began) * 1e6)
            (message,) = decode(answer)
            assert message.address == "/backline/accepted", message
            time.sleep(pause_seconds)
    return times


def cancel_all(client: Client, states: tuple[str, ...] = ("queued", "running")) -> None:
    """Cancel the newest jobs that are in these states; a list shows 20 at a time."""
    for offset in (0, 20, 40, 60):
        for job in client.jobs(offset=offset):
            if job.state in states:
                client.cancel(job.job)


def fan_out(port: int, events: int) -> list[float]:
    """Microseconds from the first to the last of 64 subscribers, for each of some events."""
    spreads = []
    with ExitStack() as sockets:
        wires = []
        for number in range(64):  # at most 8 may subscribe from one address
            wire = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            wire.bind((f"127.0.0.{10 + number // 8}", 0))
            wire.settimeout(10.0)
            wire.connect(("127.0.0.1", port))
            wire.send(encode("/backline/notify", "siss", (f"n{number}", 1, "scope", "all")))
            wire.recv(65_507)
            wire.setblocking(False)
            wires.append(wire)
        sender = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.connect(("127.0.0.1", port))
        for number in range(events):
            drain(wires)
            words = (f"fan{number}", 92.0, "C", 2.0, "")
            sender.send(encode("/backline/generate", "sfsfs", words))
            # What arrives is stamped by the order in which it is found: last minus first.
            times: dict[int, float] = {}
            end = time.perf_counter() + 5.0
            while len(times) < 64 and time.perf_counter() < end:
                for at, wire in enumerate(wires):
                    if at not in times:
                        try:
                            if b"/backline/queued" in wire.recv(65_507):
                                times[at] = time.perf_counter()
                        except BlockingIOError:
                            pass
            if len(times) == 64:
                spreads.append((max(times.values()) - min(times.values())) * 1e6)
    return spreads


def drain(wires: list[socket.socket]) -> None:
    for wire in wires:
        try:
            while True:
                wire.recv(65_507)
        except BlockingIOError:
            pass


def run(scale: Scale) -> list[Figure]:
    count = scale.count(2_000, 50_000)
    found: dict[str, list[float]] = {}
    with ExitStack() as open_:
        daemon = open_.enter_context(running(scale.folder / "latency"))
        ports = {"daemon": daemon.port}
        program = liblo(scale.folder)
        if program:
            ports["liblo"] = open_.enter_context(echo(program))
        python_osc = [sys.executable, "-c", PYTHON_OSC_ECHO]
        ports["python-osc"] = open_.enter_context(echo(python_osc))
        client = open_.enter_context(daemon.client())
        wires = open_.enter_context(ping_clients())
        for name, port in ports.items():
            pings(wires, port, 50)
            found[name] = pings(wires, port, count // 4)
        for _ in range(3):  # in turns, so that other work on the machine meets all of them
            for name, port in ports.items():
                found[name] += pings(wires, port, count // 4)
        client.ask(PauseQueue, QueuePaused)
        requests(daemon.port, 20, 0)
        cancel_all(client)
        accepted = requests(daemon.port, REQUESTS, 100)
        cancel_all(client)
        paused = requests(daemon.port, REQUESTS, 200, PAUSE_SECONDS)
        cancel_all(client)
        spreads = fan_out(daemon.port, 20)
        client.quit()
    figures = [
        Figure(f"ping back to back, {name}, p50", statistics.median(times), "us")
        for name, times in found.items()
    ]
    if "liblo" in found:
        ratio = statistics.median(found["daemon"]) / statistics.median(found["liblo"])
        figures.append(Figure("the daemon's over liblo's", ratio, "x", 2.0))
    name = "generate to accepted, p50"
    figures.append(Figure(f"{name}, back to back", statistics.median(accepted), "us", 400.0))
    figures.append(Figure(f"{name}, one each 6 ms", statistics.median(paused), "us"))
    if spreads:
        spread = statistics.median(spreads)
        figures.append(Figure("first to last of 64 subscribers, p50", spread, "us", 1_000.0))
    return figures
