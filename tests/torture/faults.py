"""Full disks, damaged journals, folders that vanish, workers that stand still."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress

from daemon.errors import DaemonError
from daemon.jobs import JobState
from daemon.journal import Journal
from daemon.journal_file import PAGE_BYTES
from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished
from tests.daemon.conftest import DEADLINE_SECONDS, RunningDaemon
from tests.torture.figures import Figure, Scale
from tests.torture.running import running, start

DISK_BYTES = 12 << 20


def run(scale: Scale) -> list[Figure]:
    return [
        *damaged_pages(scale),
        *full_disk(scale),
        *vanished_folder(scale),
        *second_daemon(scale),
        *stopped_worker(scale),
    ]


def request(seed: int, tags: str = "") -> Generate:
    return Generate(bpm=240.0, key="C", bars=1, seed=seed, tags=tags)


def ended(client: Client, job: int) -> Finished:
    *_, last = client.watch(job)
    assert isinstance(last, Finished)
    return last


def damaged_pages(scale: Scale) -> list[Figure]:
    """Random bytes over one page of a journal of 200 jobs: it opens, and the rest serves."""
    chance, count = scale.chance("pages"), scale.count(20, 200)
    home = scale.folder / "pages"
    home.mkdir()
    path = home / "journal.sqlite3"
    with closing(Journal(path)) as journal:
        for number in range(200):
            job = journal.add("127.0.0.1", f"r{number}", "d", {"tags": "x" * 300}, 0).job
            if number % 2:
                journal.start(job.number)
                journal.finish(job.number, JobState.DONE, stems=[{"name": "drums"}])
    whole = path.read_bytes()
    refused = wrong = silent = most_lost = 0
    for _ in range(count):
        at = chance.randrange(len(whole) // PAGE_BYTES) * PAGE_BYTES
        path.write_bytes(whole[:at] + chance.randbytes(PAGE_BYTES) + whole[at + PAGE_BYTES :])
        try:
            with closing(Journal(path)) as journal:
                jobs, total = journal.page(0, 1_000)
                wrong += any(job.rid != f"r{job.number - 1}" for job in jobs)
                silent += total < 200 and not journal.remarks
                most_lost = max(most_lost, 200 - total)
        except DaemonError:
            refused += 1
        for each in home.glob("journal*"):
            each.unlink()
    return [
        Figure(f"of {count} journals with a damaged page: not opened", refused, "", 0),
        Figure("the same: jobs mixed up", wrong, "", 0),
        Figure("the same: jobs lost without a word", silent, "", 0),
        Figure("the same: most of 200 jobs lost", most_lost),
    ]


def full_disk(scale: Scale) -> list[Figure]:
    """A disk of 12 MiB: each job ends done or disk-full, and goes on once there is room."""
    disk = scale.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        return []  # only root can
    wrong = full = 0
    try:
        with running(disk / "home", disk_reserve_bytes=0) as daemon, daemon.client() as client:
            client.subscribe()
            for seed in range(scale.count(8, 60)):
                try:
                    end = ended(client, client.submit(request(seed)).job)
                except ProtocolError as error:
                    full += error.code == Code.DISK_FULL
                    wrong += error.code != Code.DISK_FULL
                    continue
                full += end.error_code == Code.DISK_FULL
                wrong += (end.state, end.error_code) not in (
                    ("done", 0),
                    ("failed", Code.DISK_FULL),
                )
            for folder in (disk / "home" / "jobs").iterdir():
                shutil.rmtree(folder)
            wrong += ended(client, client.submit(request(1_000)).job).state != "done"
            client.quit()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
    return [
        Figure("jobs on a full disk with another end than done or disk-full", wrong, "", 0),
        Figure("jobs that found the disk full", full),
    ]


def vanished_folder(scale: Scale) -> list[Figure]:
    """The folder of jobs is deleted while one runs: it ends once, and the next one is done."""
    wrong = 0
    with running(scale.folder / "vanished") as daemon, daemon.client() as client:
        client.subscribe()
        for seed in range(scale.count(2, 20)):
            job = client.submit(request(seed)).job
            shutil.rmtree(daemon.home / "jobs", ignore_errors=True)
            wrong += ended(client, job).state not in ("done", "failed")
        wrong += ended(client, client.submit(request(1_000)).job).state != "done"
        client.quit()
    return [Figure("jobs without an end, their folder having vanished", wrong, "", 0)]


def second_daemon(scale: Scale) -> list[Figure]:
    """The lock file is deleted: a second daemon is refused all the same."""
    with running(scale.folder / "locked") as daemon:
        (daemon.home / "daemon.lock").unlink()
        words = ["-m", "daemon", "serve", "--home", str(daemon.home), "--osc-port", "0"]
        second = subprocess.run(
            [sys.executable, *words], capture_output=True, timeout=DEADLINE_SECONDS, check=False
        )
        with daemon.client() as client:
            client.quit()
    return [
        Figure("second daemons in a home whose lock was deleted", second.returncode == 0, "", 0)
    ]


def stopped_worker(scale: Scale) -> list[Figure]:
    """SIGSTOP of the worker: replaced, and its job is done by the next one."""
    silence_seconds = scale.count(4, 60)
    never = threading.Event()
    daemon: RunningDaemon = start(
        scale.folder / "stopped", worker_silence_seconds=float(silence_seconds)
    )
    wrong = 0
    began = time.monotonic()
    with daemon.client() as client:
        client.subscribe()
        job = client.submit(request(1, "hold")).job
        while not daemon.runs():
            never.wait(0.02)
        os.kill(daemon.runs()[0][1], signal.SIGSTOP)
        while len(daemon.runs()) < 2:
            never.wait(0.02)
        took = time.monotonic() - began
        client.cancel(job)
        wrong += ended(client, job).state != "cancelled"
        client.quit()
    with suppress(subprocess.TimeoutExpired):
        daemon.process.wait(DEADLINE_SECONDS)
    assert daemon.process.stdout is not None
    daemon.process.stdout.close()
    return [
        Figure("a worker stopped: jobs not taken up by its successor", wrong, "", 0),
        Figure(f"the same: until it was replaced (silence of {silence_seconds} s)", took, "s"),
    ]
