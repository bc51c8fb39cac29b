"""Datagrams with other machines' addresses, in a network of its own: nobody is flooded by answers.

The network is a TUN device in a new network namespace: this program writes the packets that come
over it to the daemon, under any source address, and reads all that the daemon sends back. Needs
Linux and root.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from osc_protocol.codec import decode
from tests.daemon.conftest import DEADLINE_SECONDS
from tests.torture.figures import Figure, Scale
from tests.torture.packets import SEEDS, mutated
from tests.torture.running import running

AMPLIFICATION = 3.0
NETWORK, DAEMON = "192.168.77", "192.168.77.1"
TUN_IS, NO_HEADER, SET_NAME = 0x0001, 0x1000, 0x400454CA  # of linux/if_tun.h
TOKEN = "a token of 24 characters"
VICTIMS = 40

Endpoint = tuple[str, int]


def run(scale: Scale) -> list[Figure]:
    count = scale.count(1_000, 20_000)
    if not (shutil.which("unshare") and shutil.which("ip")) or os.geteuid():
        return []
    words = [sys.executable, "-m", "tests.torture.spoofing", str(scale.folder), str(scale.seed)]
    inside = subprocess.run(
        ["unshare", "--net", *words, str(count)],
        stdout=subprocess.PIPE, check=False, timeout=2 * DEADLINE_SECONDS,
    )  # fmt: skip
    if inside.returncode:
        return []  # a kernel without TUN
    found = json.loads(inside.stdout)
    return [
        Figure(f"bytes back for each of {count} spoofed datagrams", found["most"], "x",
               AMPLIFICATION),
        Figure("the same: events sent to victims", found["events"], "", 0),
        Figure("the same: jobs of datagrams said to come from this machine", found["jobs"], "", 0),
        Figure("the same: datagrams that were answered", found["answers"]),
    ]  # fmt: skip


class Wire:
    """The other end of the daemon's network, where all other machines are."""

    def __init__(self) -> None:
        self._file = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self._file, SET_NAME, struct.pack("16sH", b"backline0", TUN_IS | NO_HEADER))
        for words in ("link set lo up", f"addr add {DAEMON}/24 dev backline0",
                      "link set backline0 up"):  # fmt: skip
            subprocess.run(["ip", *words.split()], check=True)
        self.sent: Counter[Endpoint] = Counter()
        self.received: Counter[Endpoint] = Counter()
        self.addresses: list[str] = []  # of OSC messages that went to victims
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, source: Endpoint, data: bytes, port: int) -> None:
        """Have a datagram come to the daemon from any address."""
        self.sent[source] += len(data)
        udp = struct.pack(">HHHH", source[1], port, 8 + len(data), 0) + data
        head = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address(source[0]),
            address(DAEMON),
        )  # fmt: skip
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        os.write(self._file, head + udp)

    def _listen(self) -> None:
        while True:
            packet = os.read(self._file, 65_536)
            if packet[0] >> 4 != 4 or packet[9] != 17:  # IPv6's neighbours, and TCP
                continue
            head = 4 * (packet[0] & 15)
            port = struct.unpack_from(">H", packet, head + 2)[0]
            data = packet[head + 8 :]
            self.received[".".join(map(str, packet[16:20])), port] += len(data)
            self.addresses += [message.address for message in decode(data)]


def address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def inside(folder: Path, seed: int, count: int) -> dict[str, float]:
    """Do it, in the namespace that this process is in."""
    chance, wire = random.Random(f"spoofing {seed}"), Wire()
    token = folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    lan = {"lan": [f"{NETWORK}.0/24"], "token_file": str(token)}
    never = threading.Event()
    with running(folder / "home", **lan) as daemon, daemon.client() as client:
        client.subscribe(scope="all")
        victims = [(f"{NETWORK}.{n + 10}", chance.randrange(1024, 65_536)) for n in range(VICTIMS)]
        for number in range(count):
            source = chance.choice(victims)
            data = SEEDS[number % len(SEEDS)] if number % 2 else mutated(chance, SEEDS)
            wire.send(source, data[:1_400], daemon.port)
            if not number % 20:
                wire.send(("127.0.0.1", 9_000), SEEDS[3], daemon.port)
            never.wait(0.001)
        before = -1
        while before != sum(wire.received.values()):  # until nothing comes any more
            before = sum(wire.received.values())
            end = time.monotonic() + 3.0  # a heartbeat comes every 2 s, were there subscribers
            never.wait(end - time.monotonic())
        jobs = len(client.jobs())
        client.quit()
    sent, received = wire.sent, wire.received
    return {
        "most": max((received[each] / sent[each] for each in received if sent[each]), default=0.0),
        "events": sum(a.count("/") == 2 and a in EVENTS for a in wire.addresses)
        + sum(received[each] for each in received if each not in sent),
        "jobs": jobs,
        "answers": len(wire.addresses),
    }


EVENTS = {
    f"/backline/{name}"
    for name in ("queued", "started", "progress", "stem", "finished", "heartbeat", "bye")
}

if __name__ == "__main__":
    print(json.dumps(inside(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
