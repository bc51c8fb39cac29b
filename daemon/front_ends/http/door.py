"""What the routes of HTTP have at hand, and how they find a job."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from daemon.config import Config
from daemon.front_ends.guard import is_this_machine
from daemon.front_ends.http.events import Hub
from daemon.front_ends.http.link import Link
from daemon.front_ends.http.uploads import Uploads
from daemon.front_ends.http.webhooks import Webhooks
from daemon.front_ends.subscribers import host_of
from daemon.jobs import Job, JobState
from daemon.journal_reader import JournalReader
from osc_protocol.errors import Code, ProtocolError

CONVERSIONS_AT_A_TIME = 2


@dataclass(eq=False)
class Door:
    """Settings, journal, the link to the daemon, the listeners of events, uploads, counters.

    It is the `Results` that messages about jobs need.
    """

    config: Config
    journal: JournalReader
    link: Link
    hub: Hub
    uploads: Uploads
    port: int
    webhooks: Webhooks = field(init=False)
    answered: dict[tuple[str, int], int] = field(default_factory=dict)  # by method and status
    started_seconds: float = field(default_factory=time.monotonic)
    converting: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CONVERSIONS_AT_A_TIME)
    )

    @classmethod
    def of(cls, config: Config, journal: JournalReader, link: Link, port: int) -> Door:
        """Return the door of a home whose daemon is at the other end of `link`."""
        uploads = Uploads(config.home / "uploads", config.disk_reserve_bytes)
        door = cls(config, journal, link, Hub(journal), uploads, port)
        door.hub.results = door
        door.webhooks = Webhooks(config, journal, door)
        return door

    @property
    def progress(self) -> tuple[str, float]:
        """Stage and fraction of the job being played."""
        latest = self.hub.progress
        return (latest.stage, latest.fraction) if latest else ("", 0.0)

    def folder(self, job: Job) -> Path:
        """Where the job's files are or will be."""
        return self.config.jobs_folder / str(job.number)

    def is_gone(self, job: Job) -> bool:
        """Say whether a job is done and its results are not there any more."""
        return job.state is JobState.DONE and not self.folder(job).is_dir()

    def job(self, target: str, owner: str) -> Job:
        """Find a job by the id of its request (of that client, else its host) or by its number."""
        journal = self.journal
        job = journal.find_rid(owner, target) or journal.find_rid(host_of(owner), target)
        if job is None and target.isascii() and target.isdecimal():
            job = journal.find(min(int(target[:30]), 1 << 62))
        if job is None:
            raise ProtocolError(Code.NOT_FOUND, "there is no such job", "job")
        return job


def door_of(request: Request) -> Door:
    """Return what the app of a request was made with."""
    door: Door = request.app.state.door
    return door


def host_address(request: Request) -> str:
    """Return the address a request came from."""
    return request.client.host if request.client else ""


def is_local(request: Request) -> bool:
    """Say whether a request came from this machine."""
    return is_this_machine(host_address(request))


def owner_of(request: Request) -> str:
    """Return whose its jobs are: as over OSC, its host, or its host and the id of its program."""
    client_id = request.headers.get("backline-client", "")
    return f"{host_address(request)}#{client_id}" if client_id else host_address(request)
