"""A network that loses, doubles and reorders: each request is one job, each end is told."""

from __future__ import annotations

import random
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from osc_protocol.client import Client
from osc_protocol.errors import NoAnswer
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished
from tests.torture.figures import Figure, Scale
from tests.torture.running import running

LOSS, DOUBLES, REORDERS = 0.5, 0.2, 0.2
CLIENTS = 4


class Proxy(threading.Thread):
    """Passes datagrams between clients and one daemon, badly."""

    def __init__(self, port: int, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self._chance, self._daemon = chance, ("127.0.0.1", port)
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self.port = int(self._front.getsockname()[1])
        self._backs: dict[tuple[str, int], socket.socket] = {}
        self._held: list[tuple[socket.socket, bytes, tuple[str, int]]] = []
        self.lost = self.passed = 0
        self.closing = False

    def run(self) -> None:
        while not self.closing:
            sockets = [self._front, *self._backs.values()]
            ready, _, _ = select.select(sockets, [], [], 0.05)
            for each in ready:
                data, source = each.recvfrom(65_507)
                if each is self._front:
                    if source not in self._backs:
                        self._backs[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        self._backs[source].bind(("127.0.0.1", 0))
                    self._pass(self._backs[source], data, self._daemon)
                else:
                    client = next(key for key, back in self._backs.items() if back is each)
                    self._pass(self._front, data, client)
        for each in (self._front, *self._backs.values()):
            each.close()

    def _pass(self, wire: socket.socket, data: bytes, target: tuple[str, int]) -> None:
        if self._chance.random() < LOSS:
            self.lost += 1
            return
        if self._chance.random() < REORDERS:
            self._held.append((wire, data, target))
            return
        for _ in range(2 if self._chance.random() < DOUBLES else 1):
            wire.sendto(data, target)
            self.passed += 1
        while self._held:
            late, held, where = self._held.pop()
            late.sendto(held, where)
            self.passed += 1


@contextmanager
def proxy(port: int, chance: random.Random) -> Iterator[Proxy]:
    made = Proxy(port, chance)
    made.start()
    try:
        yield made
    finally:
        made.closing = True
        made.join()


def run(scale: Scale) -> list[Figure]:
    count = scale.count(12, 500)
    untold: list[int] = []
    jobs: list[int] = []
    with running(scale.folder / "loss") as daemon, proxy(daemon.port, scale.chance("loss")) as bad:

        def use(number: int) -> None:
            with Client(
                port=bad.port, client_id=f"client{number}", silence_seconds=0.5,
                resend_seconds=(0.05,) * 40,
            ) as client:  # fmt: skip
                client.subscribe(scope="mine")
                for seed in range(number, count, CLIENTS):
                    request = Generate(bpm=240.0, key="C", bars=1, seed=seed, tags="refuse")
                    try:
                        job = client.submit(request, rid=f"r{seed}").job
                        jobs.append(job)
                        *_, last = client.watch(job)
                        if not isinstance(last, Finished):
                            untold.append(seed)
                    except NoAnswer:
                        untold.append(seed)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(CLIENTS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        runs = daemon.runs()
        lost_share = bad.lost / (bad.lost + bad.passed)
        with daemon.client() as client:
            client.quit()
    seeds = [seed for seed, _ in runs]
    return [
        Figure(f"of {count} requests: not exactly one job", count - len(set(jobs)), "", 0),
        Figure("the same: jobs that ran twice", len(seeds) - len(set(seeds)), "", 0),
        Figure("the same: clients that did not learn an end", len(untold), "", 0),
        Figure("datagrams lost on the way", lost_share * 100, "%"),
    ]
