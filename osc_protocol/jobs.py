"""What is asked and answered of jobs: each command with its reply.

The docstrings are the descriptions of docs/guide/protocol.md. What makes a job stands in
generate.py and split.py.
"""

from typing import Annotated

from osc_protocol.argument import Arg
from osc_protocol.fields import (
    JOB_STATES,
    AnyRid,
    Echo,
    ErrorCode,
    Eta,
    Folder,
    Fraction,
    Job,
    Owner,
    Rid,
    Sent,
    Sentence,
    Stage,
    State,
    Target,
    Total,
)  # fmt: skip
from osc_protocol.message import Command, Reply
from osc_protocol.protocol import MAX_INT


class Accepted(Reply, address="/backline/accepted"):
    """The job is in the journal and survives a crash. A dry run is job 0."""

    rid: Echo
    job: Job
    state: Annotated[str, Arg("state of the job, or dry-run", choices=(*JOB_STATES, "dry-run"))]
    queue_position: Annotated[int, Arg("jobs before this one", low=0)]
    duplicate: Annotated[bool, Arg("1: this request had been accepted before")]
    eta_seconds: Eta


class Cancel(Command, address="/backline/cancel", button=True, answers=("CancelDone",)):
    """Stops a job; as a button: the newest job of this host."""

    rid: AnyRid = ""
    target: Annotated[
        str | int, Arg("rid or number of the job; 0: the host's newest", "target", low=0)
    ] = 0


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


class QueryJob(Command, address="/backline/job", answers=("JobReply",)):
    """Asks how a job is; unknown is an error."""

    rid: Rid
    target: Target


class JobReply(Reply, address="/backline/job.reply"):
    """Answers job."""

    rid: Echo
    job: Job
    job_rid: Owner
    state: State
    stage: Stage
    fraction: Fraction
    eta_seconds: Eta
    stems_ready: Annotated[int, Arg("stems announced so far", low=0)]
    error_code: ErrorCode
    message: Sentence
    folder: Folder


class QueryJobs(Command, address="/backline/jobs", answers=("JobsItem", "JobsEnd")):
    """Lists jobs, newest first."""

    rid: Rid
    offset: Annotated[int, Arg("how many to skip", low=0, high=MAX_INT)] = 0
    limit: Annotated[int, Arg("how many to list", low=1, high=20)] = 20


class JobsItem(Reply, address="/backline/jobs.item"):
    """One line of the answer to jobs."""

    rid: Echo
    index: Annotated[int, Arg("place in the list, from 0", low=0)]
    job: Job
    job_rid: Owner
    state: State
    fraction: Fraction


class JobsEnd(Reply, address="/backline/jobs.end"):
    """Ends the answer to jobs."""

    rid: Echo
    sent: Sent
    total: Total


class QueryStems(Command, address="/backline/stems", answers=("StemReady", "StemsEnd")):
    """Sends the stem events of a job again."""

    rid: Rid
    target: Target


class StemsEnd(Reply, address="/backline/stems.end"):
    """Ends the answer to stems."""

    rid: Echo
    sent: Sent
    total: Total
