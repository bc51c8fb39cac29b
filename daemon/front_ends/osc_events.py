"""Jobs and their events as OSC messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from daemon.job_facts import utc_text
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.library import entry_of
from osc_protocol import messages as osc
from osc_protocol.errors import Code
from stems.errors import StemError
from stems.manifest import read_manifest

ETA_FROM_FRACTION = 0.05  # before that an estimate is a guess


class Results(Protocol):
    """What a message says of a job beyond its row in the journal: a JobQueue knows it."""

    @property
    def progress(self) -> tuple[str, float]:
        """Stage and fraction of the job being played."""

    def folder(self, job: Job) -> Path:
        """Where the job's files are or will be."""

    def is_gone(self, job: Job) -> bool:
        """Say whether a job is done and its results are not there any more."""


def as_message(event: Event, queue: Results) -> osc.Message:
    """Return `event` as an OSC event."""
    job, details = event.job, event.details
    match event.kind:
        case EventKind.QUEUED:
            return osc.Queued(event.seq, job.rid, job.number, details["position"])
        case EventKind.STARTED:
            return osc.Started(event.seq, job.rid, job.number)
        case EventKind.PROGRESS:
            stage, fraction = details["stage"], details["fraction"]
            eta = eta_seconds(job, fraction)
            return osc.Progress(event.seq, job.rid, job.number, stage, fraction, eta)
        case EventKind.STEM:
            return osc.StemReady(seq=event.seq, rid=job.rid, job=job.number, **details)
        case EventKind.FINISHED:
            return osc.Finished(
                event.seq, job.rid, job.number, job.state, job.elapsed_seconds,
                job.error_code, job.message, _folder(job, queue), _remarks(_folder(job, queue)),
            )  # fmt: skip


def as_ui_messages(event: Event) -> Iterator[osc.Message]:
    """Yield what controls with one value each (a TouchOSC layout, a lamp) show of `event`."""
    match event.kind:
        case EventKind.PROGRESS:
            fraction = event.details["fraction"]
            yield osc.UiStage(event.details["stage"])
            yield osc.UiProgress(fraction)
            yield osc.UiEta(eta_seconds(event.job, fraction))
        case EventKind.QUEUED:
            yield osc.UiState("queued")
        case EventKind.STARTED:
            yield osc.UiState("running")
            yield osc.UiBusy(1.0)
            yield osc.UiProgress(0.0)
            yield osc.UiError("")
        case EventKind.FINISHED:
            yield osc.UiState(event.job.state)
            yield osc.UiBusy(0.0)
            if event.job.state is JobState.DONE:
                yield osc.UiProgress(1.0)
            yield osc.UiError(event.job.message)


def job_reply(rid: str, job: Job, queue: Results, *, stems: int) -> osc.JobReply:
    """Return the answer to /backline/job."""
    stage = queue.progress[0] if job.state is JobState.RUNNING else ""
    fraction = fraction_of(job, queue)
    code, message, folder = job.error_code, job.message, _folder(job, queue)
    if queue.is_gone(job):
        code, message, folder = Code.GONE, gone(job), ""
    return osc.JobReply(
        rid, job.number, job.rid, job.state, stage, fraction, eta_seconds(job, fraction), stems,
        code, message, folder,
    )  # fmt: skip


def jobs_item(rid: str, index: int, job: Job, queue: Results) -> osc.JobsItem:
    """Return one line of the answer to /backline/jobs."""
    entry = entry_of(job, queue.folder(job))
    facts, created = entry.facts, utc_text(job.created_seconds)
    return osc.JobsItem(
        rid, index, job.number, job.rid, job.state, fraction_of(job, queue), facts.kind,
        facts.style, facts.bpm, facts.key, facts.bars, created, entry.rating, entry.is_there,
    )  # fmt: skip


def gone(job: Job) -> str:
    """What is to be said of a job whose results have been removed."""
    return f"job {job.number} was done, but its folder is not there any more"


def fraction_of(job: Job, queue: Results) -> float:
    """How much of a job is done, 0..1."""
    if job.state is JobState.RUNNING:
        return queue.progress[1]
    return 1.0 if job.state is JobState.DONE else 0.0


def eta_seconds(job: Job, fraction: float) -> float:
    """Time left at the pace so far; -1 where nothing can be said."""
    if job.state is not JobState.RUNNING or fraction < ETA_FROM_FRACTION:
        return -1.0
    elapsed = max(0.0, time.time() - job.started_seconds)
    return elapsed * (1.0 - fraction) / fraction


@lru_cache(maxsize=64)
def _remarks(folder: str) -> str:
    """What a finished job has to say besides its sound; its manifest never changes."""
    if not folder:
        return ""
    try:
        return "; ".join(read_manifest(Path(folder), check_files=False).remarks())
    except StemError:  # removed by now
        return ""


def _folder(job: Job, queue: Results) -> str:
    return str(queue.folder(job)) if job.state is JobState.DONE else ""
