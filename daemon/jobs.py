"""What a job is, which states it goes through, and which events it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job is in its life; done, failed and cancelled are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted request, as the journal knows it.

    `owner` and `rid` are the key under which a repeated request finds its job again, `digest`
    shows whether it is the same request, `request` is as_dict() of a Generate or a
    Split. Times are Unix seconds, 0 where it has not come to that. `attempts` counts how
    often it was started. `source` is the address it came from, `music_seconds` how much sound it
    makes or reads, 0 where that is not known, and `pace` names what it is made with. Of two jobs
    that wait, the one of higher `priority` goes first.
    """

    number: int
    owner: str
    rid: str
    digest: str
    request: Mapping[str, object]
    state: JobState
    attempts: int = 0
    error_code: int = 0
    message: str = ""
    created_seconds: float = 0.0
    started_seconds: float = 0.0
    ended_seconds: float = 0.0
    source: str = ""
    priority: int = 0
    music_seconds: float = 0.0
    pace: str = ""

    @property
    def elapsed_seconds(self) -> float:
        """How long the last attempt took, 0 for a job that never started."""
        if not self.started_seconds or not self.ended_seconds:
            return 0.0
        return max(0.0, self.ended_seconds - self.started_seconds)


class EventKind(StrEnum):
    """What can happen to a job."""

    QUEUED = "queued"
    STARTED = "started"
    PROGRESS = "progress"
    STEM = "stem"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to `job`, which is shown as it was right after it.

    `seq` grows by one with each durable event; progress is not durable and repeats the last.
    """

    seq: int
    kind: EventKind
    job: Job
    details: Mapping[str, Any] = field(default_factory=dict)
