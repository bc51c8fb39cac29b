"""What the daemon tells its subscribers: a class for each event.

The docstrings are the descriptions of docs/guide/protocol.md.
"""

from typing import Annotated

from audio.stem_names import STEMS
from osc_protocol.argument import MAX_PATH_BYTES, Arg
from osc_protocol.fields import (
    Epoch,
    ErrorCode,
    Eta,
    Folder,
    Fraction,
    HeadSeq,
    Job,
    Owner,
    Running,
    Sentence,
    Seq,
    Stage,
    Waiting,
)  # fmt: skip
from osc_protocol.message import Event


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
    name: Annotated[str, Arg("which stem", choices=STEMS)]
    path: Annotated[str, Arg("WAV file on the daemon's machine", max_bytes=MAX_PATH_BYTES)]
    url: Annotated[str, Arg("empty: this version serves no HTTP")]
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
