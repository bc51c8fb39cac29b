"""Each write of a job's life fails once, of a full disk or a broken one; the clock jumps."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished
from tests.daemon.conftest import DEADLINE_SECONDS
from tests.torture.figures import Figure, Scale
from tests.torture.running import running
from tests.torture.shim import Shim, built

KINDS = {"full disk": errno.ENOSPC, "input/output error": errno.EIO}
IN_A_ROW = (1, 40)  # one write, or as good as all of what is tried
MAX_SECONDS = DEADLINE_SECONDS  # until a job has ended
HOUR_SECONDS = 3600
NAME = Code.DISK_FULL.symbol


def run(scale: Scale) -> list[Figure]:
    """Fail each write in turn, each way; then move the clock an hour forth and back."""
    home = scale.folder / "home"
    with built(scale.folder, home) as shim:
        if shim is None:
            return []
        with running(home, variables=shim.variables) as daemon, daemon.client() as client:
            client.subscribe(scope="all")
            writes = writes_of_a_job(client, shim)
            figures = failing(scale, client, shim, writes)
            figures += clock(client, shim)
            figures.append(told(home))
            client.quit()
    return [Figure("writes of one job below the home", writes), *figures]


def request(seed: int) -> Generate:
    return Generate(bpm=240.0, key="C", bars=1, seed=seed)


def end_of(client: Client, seed: int) -> tuple[str, int]:
    """Have a job played; returns its state and code, or refused and the code."""
    try:
        job = client.submit(request(seed)).job
    except ProtocolError as error:
        return "refused", int(error.code)
    began = time.monotonic()
    while time.monotonic() - began < MAX_SECONDS:
        event = client.next_event(1.0)
        if isinstance(event, Finished) and event.job == job:
            return event.state, event.error_code
    return "no end", 0


def writes_of_a_job(client: Client, shim: Shim) -> int:
    for seed in range(1, 4):  # the first ones write what is written once
        before = shim.seen
        assert end_of(client, seed) == ("done", 0)
    return shim.seen - before


def failing(scale: Scale, client: Client, shim: Shim, writes: int) -> list[Figure]:
    """The jobs' ends, and whether the next job is done each time."""
    chance, figures = scale.chance("disk"), []
    seed = 10
    for name, number in KINDS.items():
        tried = hit = wrong = stuck = 0
        # In the short form some of them.
        places = [n for n in range(writes) if scale.full or chance.random() < 6 / writes]
        for after in places[:: max(1, round(1 / scale.part))]:
            for count in IN_A_ROW:
                shim.fail(after, number, count)
                found = end_of(client, seed)
                hit += shim.has_failed
                shim.calm()
                if found[0] == "no end":
                    found = "late", 0
                wrong += found not in (
                    ("done", 0), ("failed", Code.DISK_FULL), ("refused", Code.DISK_FULL),
                )  # fmt: skip
                stuck += end_of(client, seed + 1) != ("done", 0)
                seed, tried = seed + 2, tried + 1
        figures += [
            Figure(f"{name}, {tried} times: another end than done or {NAME}", wrong, "", 0),
            Figure(f"{name}: the next job not done", stuck, "", 0),
            Figure(f"{name}: times it met a write", hit),
        ]
    return figures


def clock(client: Client, shim: Shim) -> list[Figure]:
    """An hour forth, an hour back: jobs end, pings are answered, the lease goes on."""
    wrong = 0
    for at, shift_seconds in enumerate((HOUR_SECONDS, -HOUR_SECONDS, 0)):
        shim.calm(shift_seconds)
        wrong += client.ping() > 1.0
        wrong += end_of(client, 100_000 + at) != ("done", 0)
    return [
        Figure("the clock an hour ahead, behind, right: jobs or pings that failed", wrong, "", 0)
    ]


def told(home: os.PathLike[str]) -> Figure:
    """What the journal says: each job has one end."""
    with closing(sqlite3.connect(Path(home) / "journal.sqlite3")) as journal:
        ends = "SELECT COUNT(*) FROM events WHERE kind = 'finished' GROUP BY job"
        twice = sum(count != 1 for (count,) in journal.execute(ends))
        open_ = "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running')"
        (unended,) = journal.execute(open_).fetchone()
    return Figure("jobs of the journal without exactly one end", twice + unended, "", 0)
