"""Each write of a job's life fails once, of a full disk or a broken one; the clock jumps."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.messages import Finished
from tests.daemon.conftest import DEADLINE_SECONDS
from tests.torture.figures import Figure, Scale
from tests.torture.running import running, small_job
from tests.torture.shim import Shim, built

KINDS = {"full disk": errno.ENOSPC, "input/output error": errno.EIO}
IN_A_ROW = (1, 1_000_000)  # one write, or all of them for a while
BROKEN_SECONDS = 0.3  # from the first of these on; what is tried again each second ends then
LOOK_SECONDS = 0.05
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


class End(NamedTuple):
    """A job's state and code, or refused and the code, and whether a write had failed by then."""

    state: str
    code: int
    was_met: bool

    @property
    def is_right(self) -> bool:
        return self[:2] in (
            ("done", 0), ("failed", Code.DISK_FULL), ("refused", Code.DISK_FULL),
        )  # fmt: skip


def end_of(client: Client, seed: int, shim: Shim) -> End:
    """Have a job played; writes fail until it has ended, or for a while from the first on."""
    try:
        job = client.submit(small_job(seed)).job
    except ProtocolError as error:
        return End("refused", int(error.code), shim.has_begun)
    end, broken_until, was_met = time.monotonic() + MAX_SECONDS, 0.0, False
    while time.monotonic() < end:
        event = client.next_event(LOOK_SECONDS)
        if shim.has_begun:
            was_met, broken_until = True, broken_until or time.monotonic() + BROKEN_SECONDS
            if time.monotonic() > broken_until:
                shim.calm()
        if isinstance(event, Finished) and event.job == job:
            return End(event.state, event.error_code, was_met)
    return End("no end", 0, was_met)


def writes_of_a_job(client: Client, shim: Shim) -> int:
    for seed in range(1, 4):  # the first ones write what is written once
        before = shim.seen
        assert end_of(client, seed, shim)[:2] == ("done", 0)
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
                found = end_of(client, seed, shim)
                shim.calm()
                hit, wrong = hit + found.was_met, wrong + (not found.is_right)
                stuck += end_of(client, seed + 1, shim)[:2] != ("done", 0)
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
        wrong += end_of(client, 100_000 + at, shim)[:2] != ("done", 0)
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
