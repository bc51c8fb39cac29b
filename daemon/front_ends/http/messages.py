"""What goes through the pipe between the daemon and its HTTP process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.jobs import Job
from osc_protocol.errors import ProtocolError
from osc_protocol.messages import Progress


@dataclass(frozen=True, slots=True)
class Submit:
    """Asks for a job of a request that has been checked; answered by Taken."""

    owner: str
    rid: str
    digest: str
    request: Mapping[str, object]
    source: str
    priority: int
    music_seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The job that a request has become, how many are before it, and when it will be done."""

    job: Job
    position: int
    eta_seconds: float
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Asks to cancel a job; answered by a text, as the queue's cancel() gives."""

    number: int


@dataclass(frozen=True, slots=True)
class QueryState:
    """Asks how the service is; answered by ServiceNow."""


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """State of the service, the engine that is loaded, and the port at which OSC is."""

    state: str
    engine: str
    osc_port: int


Question = Submit | CancelJob | QueryState


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its number, to the daemon."""

    number: int
    question: Question


@dataclass(frozen=True, slots=True)
class Answered:
    """What the daemon says to the question of that number: an answer or a refusal."""

    number: int
    answer: object = None
    error: ProtocolError | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """How far a job is; or, with None, that there are new events in the journal."""

    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Asks the HTTP process to end."""
