"""kill -9 of the daemon, its worker, or both, at named stages of a job and inside writes; a model
judges.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from osc_protocol.client import Client
from osc_protocol.errors import NoAnswer
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished, Progress, Queued, Started, StemReady
from tests.daemon.conftest import RunningDaemon
from tests.torture.disk import writes_of_a_job
from tests.torture.figures import Figure, Scale
from tests.torture.running import end, small_job, start, workers
from tests.torture.shim import Shim, built

STAGES = (
    "sent", "accepted", "queued", "started", "load", "diffuse", "decode", "write", "stem",
    "finished",
)  # fmt: skip
VICTIMS = ("front", "worker", "both")
JOBS = 3  # of each kill


@dataclass
class _Count:
    """What was found so far: jobs lost, two of one, without one end; kills that met a process."""

    kills: int = 0
    met: int = 0
    lost: int = 0
    twice: int = 0
    unsettled: int = 0

    def figures(self, where: str) -> list[Figure]:
        return [
            Figure(f"{where}: kill -9 that met a process, of {self.kills}", self.met),
            Figure("acknowledged jobs lost", self.lost, "", 0),
            Figure("jobs announced twice, or requests that became two jobs", self.twice, "", 0),
            Figure("jobs that did not end", self.unsettled, "", 0),
        ]


class _Home:
    """A home whose daemon is killed again and again, and started again each time."""

    def __init__(self, path: Path, variables: Mapping[str, str] | None = None) -> None:
        self._path, self._variables = path, variables
        self.daemon = self._start()
        self.requests = 0

    def _start(self) -> RunningDaemon:
        return start(self._path, variables=self._variables)

    def start_again(self) -> None:
        end(self.daemon)
        self.daemon = self._start()

    def new_requests(self, seed: int) -> dict[str, Generate]:
        """Return requests that this home has not seen, by their ids."""
        first, self.requests = self.requests, self.requests + JOBS
        return {f"job{number}": small_job(seed + number) for number in range(first, first + JOBS)}


@contextmanager
def _killed_again(path: Path, shim: Shim | None = None) -> Iterator[_Home]:
    home = _Home(path, shim.variables if shim else None)
    try:
        yield home
    finally:
        end(home.daemon)


def run(scale: Scale) -> list[Figure]:
    return [*at_stages(scale), *inside_writes(scale)]


def at_stages(scale: Scale) -> list[Figure]:
    chance, rounds, count = scale.chance("kills"), scale.count(1, 20), _Count()
    for turn in range(rounds):
        with _killed_again(scale.folder / f"kills-{turn}") as home:
            for stage in STAGES if scale.full else STAGES[1::4]:
                for victim in VICTIMS:
                    requests = home.new_requests(chance.randrange(1 << 30))
                    accepted = _send(home.daemon, requests, stage)
                    count.kills += 1
                    count.met += _kill(home, victim)
                    _judge(home.daemon, requests, accepted, count)
            _judge_all(home, count)
    return count.figures("at stages")


def inside_writes(scale: Scale) -> list[Figure]:
    """Whoever writes next is killed with half of it written: front or worker, journal or result."""
    chance, count, path = scale.chance("writes"), _Count(), scale.folder / "writes"
    with built(scale.folder, path) as shim:
        if shim is None:
            return []
        with _killed_again(path, shim) as home:
            with home.daemon.client() as client:
                client.subscribe(scope="all")
                writes = writes_of_a_job(client, shim)
            for _ in range(scale.count(4, 200)):
                before = workers(home.daemon)
                requests = home.new_requests(chance.randrange(1 << 30))
                shim.kill(chance.randrange(writes))
                accepted = _send(home.daemon, requests, "finished")
                count.kills += 1
                is_front = home.daemon.process.poll() is not None
                count.met += is_front or workers(home.daemon) != before
                shim.calm()
                if is_front:
                    home.start_again()
                _judge(home.daemon, requests, accepted, count)
            _judge_all(home, count)
    return count.figures("inside writes")


def _send(daemon: RunningDaemon, requests: Mapping[str, Generate], stage: str) -> dict[str, int]:
    """Send requests until the first is at a stage or the daemon is gone; returns those accepted."""
    accepted: dict[str, int] = {}
    with (
        suppress(NoAnswer),
        daemon.client(client_id="torture", resend_seconds=(0.5, 0.5)) as client,
    ):
        client.subscribe(scope="all")
        *others, last = requests
        for rid in others:
            accepted[rid] = client.submit(requests[rid], rid=rid).job
        if stage == "sent":
            client._link._send(replace(requests[last], rid=last))
        else:
            accepted[last] = client.submit(requests[last], rid=last).job
            _wait_for(client, stage, min(accepted.values()))
    return accepted


def _kill(home: _Home, victim: str) -> bool:
    """Kill the daemon, its worker or both; says whether there was one."""
    met = victim != "worker"
    if victim != "front":
        for worker in workers(home.daemon):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                met = True
    if victim != "worker":
        home.start_again()
    return met


def _wait_for(client: Client, stage: str, job: int) -> None:
    """Read events until a job is at a stage, has ended, or the daemon is gone."""
    kinds = {"queued": Queued, "started": Started, "stem": StemReady, "finished": Finished}
    if stage == "accepted":
        return
    for event in client.watch(job):
        if isinstance(event, kinds.get(stage, ())):
            return
        if isinstance(event, Progress) and event.stage == stage:
            return


def _judge(
    daemon: RunningDaemon,
    requests: Mapping[str, Generate],
    accepted: Mapping[str, int],
    count: _Count,
) -> None:
    """Send all again and wait for their ends; compare with what was acknowledged before."""
    with daemon.client(client_id="torture", silence_seconds=0.5) as client:
        client.subscribe(scope="all")
        jobs = {rid: client.submit(request, rid=rid) for rid, request in requests.items()}
        for rid, job in accepted.items():
            count.lost += jobs[rid].job != job
            count.twice += not jobs[rid].duplicate
        for each in jobs.values():
            ends = [event for event in client.watch(each.job) if isinstance(event, Finished)]
            count.unsettled += len(ends) != 1


def _judge_all(home: _Home, count: _Count) -> None:
    """Compare the journal with the requests: a job for each and an end for each job."""
    with closing(sqlite3.connect(home.daemon.home / "journal.sqlite3")) as journal:
        rids = "SELECT COUNT(*) FROM jobs WHERE rid LIKE 'job%'"
        count.twice += abs(journal.execute(rids).fetchone()[0] - home.requests)
        ends = "SELECT (SELECT COUNT(*) FROM events WHERE job = number AND kind = 'finished')"
        found = [each for (each,) in journal.execute(f"{ends} FROM jobs")]
    count.twice += sum(each > 1 for each in found)
    count.unsettled += sum(each < 1 for each in found)
