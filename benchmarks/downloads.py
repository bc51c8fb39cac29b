"""Whether HTTP disturbs OSC: `python -m benchmarks.downloads [--gib 1]`, from the root of a clone.

Starts a daemon of its own and measures the round trip of /ping, pings 10 ms apart, three times 500
while nothing else is asked and three times 500 while 50 clients download a stem without end and 200
listen to events. Then it sends one file of so many GiB and fetches it again. The peak memory is
that of the HTTP process (Linux only). Clients run at nice 10, as the HTTP process does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.startup import round_trip

DOWNLOADS, LISTENERS, PINGS, ROUNDS = 50, 200, 500, 3
PAUSE_SECONDS = 0.010
SETTLE_SECONDS = 5.0
BLOCK = bytes(1 << 22)
CLIENTS = """
import socket, sys, threading
port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
lines = f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", "", ""
head = "\\r\\n".join(lines).encode()
def run():
    while True:
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.sendall(head)
            while link.recv(1 << 18):
                pass
for _ in range(count):
    threading.Thread(target=run, daemon=True).start()
threading.Event().wait()
"""


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--gib", type=int, default=1)
    gib = parser.parse_args().gib
    with tempfile.TemporaryDirectory(prefix="backline-bench-") as home, _daemon(home) as found:
        process, osc_port, port = found
        job = _ordered(port)
        figures: dict[str, object] = {
            "load_average": os.getloadavg()[0],
            "idle_ms": [_pings(osc_port) for _ in range(ROUNDS)],
        }
        clients = [
            _clients(port, f"/v1/jobs/{job}/stems/drums.wav", DOWNLOADS),
            _clients(port, "/v1/events", LISTENERS),
        ]
        time.sleep(SETTLE_SECONDS)
        figures["busy_ms"] = [_pings(osc_port) for _ in range(ROUNDS)]
        for each in clients:
            each.kill()
            each.wait()
        figures |= _large(port, Path(home) / "large.wav", gib)
        figures["http_peak_mib"] = _peak_mib(process.pid)
        print(json.dumps(figures, indent=1))


@contextmanager
def _daemon(home: str) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    command = [sys.executable, "-m", "daemon", "serve", "--osc-port", "0", "--http-port", "0"]
    with subprocess.Popen([*command, "--home", home], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        ports = re.findall(r"(?:udp|http)://127\.0\.0\.1:(\d+)", said)
        try:
            yield process, int(ports[0]), int(ports[1])
        finally:
            process.terminate()
            process.wait()


def _ordered(port: int) -> int:
    """Have 16 bars played, and return the job."""
    body = {"kind": "generate", "bpm": 120, "key": "A minor", "bars": 16, "seed": 1}
    with urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/jobs", json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
    ) as answer:  # fmt: skip
        job = int(json.load(answer)["job"])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/jobs/{job}/events") as events:
        events.read()
    return job


def _clients(port: int, path: str, count: int) -> subprocess.Popen[bytes]:
    words = ["nice", "-n", "10", sys.executable, "-c", CLIENTS, str(port), path, str(count)]
    return subprocess.Popen(words, stderr=subprocess.DEVNULL)


def _pings(port: int) -> dict[str, float]:
    times = []
    for _ in range(PINGS):
        times.append(round_trip(port) * 1000)
        time.sleep(PAUSE_SECONDS)
    times.sort()
    return {"p50": round(times[PINGS // 2], 3), "p99": round(times[int(PINGS * 0.99)], 3)}


def _large(port: int, path: Path, gib: int) -> dict[str, object]:
    """Send a WAV of silence of so many GiB, and fetch it again."""
    size = gib << 30
    head = struct.pack(
        "<4sI8sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVEfmt ", 16, 3, 2, 48_000, 384_000, 8, 32,
        b"data", size,
    )  # fmt: skip
    digest = hashlib.sha256(head)
    with path.open("wb") as file:
        file.write(head)
        for _ in range(size // len(BLOCK)):
            file.write(BLOCK)
            digest.update(BLOCK)
    name, began = digest.hexdigest(), time.perf_counter()
    url = f"http://127.0.0.1:{port}/v1"
    with path.open("rb") as file:
        length = {"Content-Length": str(len(head) + size)}
        asked = urllib.request.Request(f"{url}/uploads/{name}", file, length, method="PUT")
        with urllib.request.urlopen(asked) as answer:
            status = answer.status
    sent = time.perf_counter()
    found = hashlib.sha256()
    with urllib.request.urlopen(f"{url}/files/{name}") as answer:
        while block := answer.read(1 << 20):
            found.update(block)
    return {
        "upload_status": status, "is_the_same": found.hexdigest() == name,
        "up_seconds": round(sent - began, 1), "down_seconds": round(time.perf_counter() - sent, 1),
    }  # fmt: skip


def _peak_mib(daemon: int) -> float | None:
    """The most memory that the daemon's process of nice 10 has had."""
    children = Path(f"/proc/{daemon}/task/{daemon}/children")
    for number in children.read_text().split() if children.exists() else ():
        nice = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[16]
        status = Path(f"/proc/{number}/status").read_text()
        if nice == "10":
            return round(int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024, 1)
    return None


if __name__ == "__main__":
    main()
