"""kill -9 of the daemon, its worker, or both, at named stages of a job; a model judges."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from contextlib import closing

from osc_protocol.client import Client
from osc_protocol.errors import NoAnswer
from osc_protocol.generate import Generate
from osc_protocol.grammar import write
from osc_protocol.messages import Finished, Progress, Queued, Started, StemReady
from tests.daemon.conftest import RunningDaemon
from tests.torture.figures import Figure, Scale
from tests.torture.running import end, start

STAGES = (
    "sent", "accepted", "queued", "started", "load", "diffuse", "decode", "write", "stem",
    "finished",
)  # fmt: skip
VICTIMS = ("front", "worker", "both")


def run(scale: Scale) -> list[Figure]:
    chance, rounds = scale.chance("kills"), scale.count(1, 20)
    lost = twice = unsettled = runs = 0
    for turn in range(rounds):
        for stage in STAGES if scale.full else STAGES[1::4]:
            for victim in VICTIMS:
                runs += 1
                home = scale.folder / f"kill-{turn}-{stage}-{victim}"
                outcome = one(home, stage, victim, chance.randrange(1 << 30))
                lost, twice = lost + outcome[0], twice + outcome[1]
                unsettled += outcome[2]
    return [
        Figure(f"acknowledged jobs lost in {runs} kills", lost, "", 0),
        Figure("jobs announced twice, or requests that became two jobs", twice, "", 0),
        Figure("jobs that did not end", unsettled, "", 0),
    ]


def one(home: os.PathLike[str], stage: str, victim: str, seed: int) -> tuple[int, int, int]:
    """Kill once; returns how many jobs were lost, were two, and did not end."""
    from pathlib import Path

    path = Path(home)
    requests = {
        f"job{number}": Generate(
            bpm=240.0, key="C", bars=1, seed=seed + number, tags="" if number else "tone"
        )
        for number in range(3)
    }
    daemon = start(path)
    accepted: dict[str, int] = {}
    with daemon.client(client_id="torture", resend_seconds=(0.5, 0.5)) as client:
        client.subscribe(scope="all")
        for rid, request in requests.items():
            if stage == "sent" and rid == "job2":
                client._link._send(read_back(request, rid))
                break
            accepted[rid] = client.submit(request, rid=rid).job
        with contextlib.suppress(NoAnswer):
            wait_for(client, stage)
    if victim != "front":
        for _, worker in daemon.runs()[-1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
    if victim != "worker":
        end(daemon)
        daemon = start(path)
    lost, twice, unsettled = judge(daemon, requests, accepted)
    end(daemon)
    return lost, twice, unsettled


def read_back(request: Generate, rid: str) -> Generate:
    from dataclasses import replace

    ready = replace(request, rid=rid)
    assert write(ready)
    return ready


def wait_for(client: Client, stage: str) -> None:
    """Read events until the first job is at a stage."""
    kinds = {"queued": Queued, "started": Started, "stem": StemReady, "finished": Finished}
    if stage in ("sent", "accepted"):
        return
    for _ in range(500):
        event = client.next_event(10.0)
        if event is None or isinstance(event, kinds.get(stage, ())):
            return
        if isinstance(event, Progress) and event.stage == stage:
            return


def judge(
    daemon: RunningDaemon, requests: dict[str, Generate], accepted: dict[str, int]
) -> tuple[int, int, int]:
    """Send all again and wait for their ends; compare with what was acknowledged before."""
    lost = twice = unsettled = 0
    with daemon.client(client_id="torture", silence_seconds=0.5) as client:
        client.subscribe(scope="all")
        jobs = {rid: client.submit(request, rid=rid) for rid, request in requests.items()}
        for rid, job in accepted.items():
            lost += jobs[rid].job != job
            twice += not jobs[rid].duplicate
        for each in jobs.values():
            ends = [event for event in client.watch(each.job) if isinstance(event, Finished)]
            unsettled += len(ends) != 1
    with closing(sqlite3.connect(daemon.home / "journal.sqlite3")) as journal:
        query = "SELECT COUNT(*) FROM events WHERE kind = 'finished' GROUP BY job"
        counts = [count for (count,) in journal.execute(query)]
        twice += sum(count > 1 for count in counts)
        twice += abs(len(counts) - len(requests))
    return lost, twice, unsettled
