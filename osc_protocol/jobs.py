"""Commands about jobs, each with its reply, and the events of jobs.

The docstrings are the descriptions of docs/guide/protocol.md. What makes a job stands in
generate.py and split.py.
"""

from typing import Annotated

from audio.stem_names import SPLIT_STEMS
from osc_protocol.argument import MAX_PATH_BYTES, Arg
from osc_protocol.fields import AnyRid, Echo, Epoch, HeadSeq, Rid, Running, Sentence, Waiting
from osc_protocol.message import Command, Event, Reply
from osc_protocol.protocol import MAX_INT

MAX_RATING = 5
MAX_REMARKS_BYTES = 2000
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
Target = Annotated[str | int, Arg("rid or number of the job", "target", low=0)]
Owner = Annotated[str, Arg("id of the request that made the job", "line", max_bytes=64)]
Job = Annotated[int, Arg("job number", low=0)]
State = Annotated[str, Arg("state of the job", choices=JOB_STATES)]
Stage = Annotated[str, Arg("load, diffuse, decode, split, conform, measure or write; empty before")]
Fraction = Annotated[float, Arg("how much of the job is done; never falls", low=0, high=1)]
Eta = Annotated[float, Arg("time left; -1 where unknown", low=-1, unit="s")]
Folder = Annotated[str, Arg("folder of the results", max_bytes=MAX_PATH_BYTES)]
ErrorCode = Annotated[int, Arg("0, or why it failed (see Errors)", low=0)]
Seq = Annotated[int, Arg("number of the last durable event, this one's if it is durable", low=0)]
Sent = Annotated[int, Arg("messages in this list", low=0)]
Rating = Annotated[int, Arg("1 to 5; 0 for none", low=0, high=MAX_RATING)]
Total = Annotated[int, Arg("how many there are in all", low=0)]


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
    kind: Annotated[str, Arg("generate, split, plan or conform", "line", max_bytes=16)] = ""
    style: Annotated[
        str, Arg("style in words, or which sound was split", "line", max_bytes=200)
    ] = ""
    bpm: Annotated[float, Arg("first tempo asked for; 0 for none", low=0, unit="quarters/min")] = (
        0.0
    )
    key: Annotated[str, Arg("key asked for, or empty", "line", max_bytes=40)] = ""
    bars: Annotated[int, Arg("length asked for; 0 for none", low=0)] = 0
    created: Annotated[str, Arg("when it was accepted: 2026-11-30T22:05:12Z")] = ""
    rating: Rating = 0
    has_files: Annotated[bool, Arg("1: its results are there")] = False


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


class Rate(Command, address="/backline/rate", answers=("RateDone",)):
    """Rates the result of a job from 1 to 5; 0 takes the rating back."""

    rid: Rid
    target: Target
    rating: Rating


class RateDone(Reply, address="/backline/done"):
    """Answers rate."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/rate",))]
    job: Job
    rating: Rating


class Replay(Command, address="/backline/replay", answers=("ReplayEnd",)):
    """Sends durable events again: those after a number, of jobs in the scope of your lease."""

    rid: Rid
    epoch: Annotated[int, Arg("that of the daemon as you know it; 0: any", low=0, high=MAX_INT)]
    after_seq: Annotated[int, Arg("the last number you have", low=0, high=MAX_INT)]


class ReplayEnd(Reply, address="/backline/replay.end"):
    """Ends the answer to replay; where more were left out, replay again after through-seq."""

    rid: Echo
    sent: Sent
    through_seq: Annotated[int, Arg("all events up to this number have been looked at", low=0)]


class Ack(Command, address="/backline/ack", answers=("ErrorReply",)):
    """Says that an event has come, which is then not sent again; answered only if it is wrong."""

    seq: Annotated[int, Arg("number of the event", low=0, high=MAX_INT)]


class PauseQueue(Command, address="/backline/pause", button=True, answers=("QueuePaused",)):
    """Starts no more jobs, whatever is accepted, until resume; the one that runs goes on."""

    rid: AnyRid = ""


class QueuePaused(Reply, address="/backline/done"):
    """Answers pause."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/pause",))]
    queued: Waiting


class ResumeQueue(Command, address="/backline/resume", button=True, answers=("QueueResumed",)):
    """Starts jobs again."""

    rid: AnyRid = ""


class QueueResumed(Reply, address="/backline/done"):
    """Answers resume."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/resume",))]
    queued: Waiting


class DraftGo(Command, address="/backline/draft/go", button=True, answers=("Accepted",)):
    """Requests what this host's draft says; without a rid it is draft-<number>."""

    rid: AnyRid = ""


class DraftClear(Command, address="/backline/draft/clear", button=True, answers=("DraftCleared",)):
    """Empties this host's draft."""

    rid: AnyRid = ""


class DraftCleared(Reply, address="/backline/done"):
    """Answers draft/clear."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/draft/clear",))]


class Queued(Event, address="/backline/queued"):
    """A job waits."""

    seq: Seq
    rid: Owner
    job: Job
    position: Annotated[int, Arg("jobs before it", low=0)]


class Started(Event, address="/backline/started"):
    """A job runs."""

    seq: Seq
    rid: Owner
    job: Job


class Progress(Event, address="/backline/progress"):
    """How far a job is. Not durable: the latest one is enough."""

    seq: Seq
    rid: Owner
    job: Job
    stage: Stage
    fraction: Fraction
    eta_seconds: Eta


class StemReady(Event, address="/backline/stem"):
    """A stem is on disk, complete."""

    seq: Seq
    rid: Owner
    job: Job
    index: Annotated[int, Arg("from 0, over all takes", low=0)]
    count: Annotated[int, Arg("stems of this job, over all takes", low=0)]
    name: Annotated[str, Arg("which stem", choices=SPLIT_STEMS)]
    path: Annotated[str, Arg("WAV file on the daemon's machine", max_bytes=MAX_PATH_BYTES)]
    url: Annotated[str, Arg("always empty: over HTTP a stem is /v1/jobs/JOB/stems/NAME.wav")]
    seconds: Annotated[float, Arg("length", low=0, unit="s")]
    sample_rate: Annotated[int, Arg("frames a second", low=0, unit="Hz")]
    channels: Annotated[int, Arg("2: stereo", low=0)]
    bytes: Annotated[int, Arg("size of the file", low=0, unit="bytes")]
    sha256: Annotated[str, Arg('"sha256:" and 64 hexadecimal digits', max_bytes=71)]
    take: Annotated[int, Arg("from 1", low=1)] = 1


class Finished(Event, address="/backline/finished"):
    """A job has ended; exactly one for each job."""

    seq: Seq
    rid: Owner
    job: Job
    state: Annotated[str, Arg("how it ended", choices=("done", "failed", "cancelled"))]
    elapsed_seconds: Annotated[float, Arg("since it was started", low=0, unit="s")]
    error_code: ErrorCode
    message: Sentence
    folder: Folder
    remarks: Annotated[
        str,
        Arg("what of the request was not understood or is played otherwise; empty: nothing",
            "line", max_bytes=MAX_REMARKS_BYTES),
    ] = ""  # fmt: skip


class Heartbeat(Event, address="/backline/heartbeat"):
    """Every 2 s. A new epoch: the daemon was restarted, subscribe again."""

    epoch: Epoch
    head_seq: HeadSeq
    running: Running
    queued: Waiting


class Bye(Event, address="/backline/bye"):
    """The daemon stops."""

    reason: Annotated[str, Arg("why", "line", max_bytes=500)]


class UiState(Event, address="/backline/ui/state"):
    """Simple style: state in a word."""

    value: Annotated[str, Arg("idle, queued, running, done, failed or cancelled")]


class UiStage(Event, address="/backline/ui/stage"):
    """Simple style: stage in a word."""

    value: Stage


class UiProgress(Event, address="/backline/ui/progress"):
    """Simple style: how far."""

    value: Annotated[float, Arg("of the newest job", low=0, high=1)]


class UiEta(Event, address="/backline/ui/eta"):
    """Simple style: time left."""

    value: Eta


class UiBusy(Event, address="/backline/ui/busy"):
    """Simple style: a lamp."""

    value: Annotated[float, Arg("1 while a job runs", low=0, high=1)]


class UiError(Event, address="/backline/ui/error"):
    """Simple style: the last error."""

    value: Annotated[str, Arg("one sentence, or empty", "line", max_bytes=500)]
