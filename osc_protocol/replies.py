"""What the daemon answers: a class for each reply.

The docstrings are the descriptions of docs/guide/protocol.md.
"""

from typing import Annotated, Self

from osc_protocol.argument import Arg
from osc_protocol.errors import ProtocolError
from osc_protocol.fields import (
    JOB_STATES,
    Echo,
    Epoch,
    ErrorCode,
    Eta,
    Folder,
    Fraction,
    HeadSeq,
    Job,
    LoadedEngine,
    Product,
    ProtoMajor,
    ProtoMinor,
    Running,
    Sent,
    Sentence,
    Stage,
    State,
    Total,
    Version,
    Waiting,
)  # fmt: skip
from osc_protocol.fields import Owner as JobRid
from osc_protocol.message import Reply


class Pong(Reply, address="/backline/pong"):
    """The arguments of the ping; /pong answers /ping."""

    args: tuple[object, ...] = ()
    tags: str = ""
    address: str = "/backline/pong"


class Welcome(Reply, address="/backline/welcome"):
    """Answers hello."""

    rid: Echo
    product: Product
    proto_major: ProtoMajor
    proto_minor: ProtoMinor
    epoch: Epoch
    version: Version
    capabilities: Annotated[str, Arg('between colons, such as ":udp:spool:blob:"')]
    http_url: Annotated[str, Arg("empty: this version serves no HTTP")]
    engine: LoadedEngine
    max_request_bytes: Annotated[int, Arg("longest datagram taken", low=0, unit="bytes")]


class VersionReply(Reply, address="/backline/version.reply"):
    """Answers version."""

    rid: Echo
    product: Product
    proto_major: ProtoMajor
    proto_minor: ProtoMinor
    version: Version


class StatusReply(Reply, address="/backline/status.reply"):
    """Answers status."""

    rid: Echo
    epoch: Epoch
    state: Annotated[str, Arg("idle, loading, busy, draining or degraded")]
    running: Running
    queued: Waiting
    subscribers: Annotated[int, Arg("leases held", low=0)]
    head_seq: HeadSeq
    vram_used_gb: Annotated[float, Arg("0 on a CPU", low=0, unit="GB")]
    vram_total_gb: Annotated[float, Arg("0 on a CPU", low=0, unit="GB")]
    uptime_seconds: Annotated[int, Arg("since its start", low=0, unit="s")]
    engine: LoadedEngine


class Synced(Reply, address="/backline/synced"):
    """Answers sync."""

    rid: Echo
    level: Annotated[int, Arg("always 0: accepted or refused", low=0)]
    head_seq: HeadSeq


class Accepted(Reply, address="/backline/accepted"):
    """The job is in the journal and survives a crash. A dry run is job 0."""

    rid: Echo
    job: Job
    state: Annotated[str, Arg("state of the job, or dry-run", choices=(*JOB_STATES, "dry-run"))]
    queue_position: Annotated[int, Arg("jobs before this one", low=0)]
    duplicate: Annotated[bool, Arg("1: this request had been accepted before")]
    eta_seconds: Eta


class NotifyDone(Reply, address="/backline/done"):
    """Answers notify."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/notify",))]
    on: Annotated[bool, Arg("as asked")]
    lease_seconds: Annotated[int, Arg("renew within it", low=0, unit="s")]
    head_seq: HeadSeq
    epoch: Epoch


class CancelDone(Reply, address="/backline/done"):
    """Answers cancel."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/cancel",))]
    job: Job
    outcome: Annotated[
        str,
        Arg("what became of it", choices=("cancelled", "cancelling", "already-done",
                                          "already-failed", "already-cancelled")),
    ]  # fmt: skip


class QuitDone(Reply, address="/backline/done"):
    """Answers quit, before bye."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/quit",))]
    mode: Annotated[str, Arg("as asked", choices=("now", "drain"))]


class JobReply(Reply, address="/backline/job.reply"):
    """Answers job."""

    rid: Echo
    job: Job
    job_rid: JobRid
    state: State
    stage: Stage
    fraction: Fraction
    eta_seconds: Eta
    stems_ready: Annotated[int, Arg("stems announced so far", low=0)]
    error_code: ErrorCode
    message: Sentence
    folder: Folder


class JobsItem(Reply, address="/backline/jobs.item"):
    """One line of the answer to jobs."""

    rid: Echo
    index: Annotated[int, Arg("place in the list, from 0", low=0)]
    job: Job
    job_rid: JobRid
    state: State
    fraction: Fraction


class JobsEnd(Reply, address="/backline/jobs.end"):
    """Ends the answer to jobs."""

    rid: Echo
    sent: Sent
    total: Total


class StemsEnd(Reply, address="/backline/stems.end"):
    """Ends the answer to stems."""

    rid: Echo
    sent: Sent
    total: Total


class ErrorReply(Reply, address="/backline/error"):
    """The request was refused; nothing was done."""

    rid: Echo
    command: Annotated[str, Arg("address of the request", "line", max_bytes=64)]
    code: Annotated[int, Arg("number of the error", low=0)]
    symbol: Annotated[str, Arg("the error in a word")]
    message: Sentence
    argument: Annotated[str, Arg("which argument is at fault, or empty", "line", max_bytes=64)]

    @classmethod
    def of(cls, rid: str, command: str, error: ProtocolError) -> Self:
        """Put an error into the message that carries it."""
        return cls(rid, command, error.code, error.symbol, error.message, error.field)

    def error(self) -> ProtocolError:
        """The error it carries."""
        return ProtocolError(self.code, self.message, self.argument)
