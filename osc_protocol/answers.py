"""What the daemon sends, one frozen dataclass for each reply and event of the table.

What a message and its fields mean stands in osc_protocol.addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

from osc_protocol.errors import ProtocolError
from osc_protocol.message import Message

# Replies


@dataclass(frozen=True, slots=True)
class Pong(Message):
    args: tuple[object, ...] = ()
    tags: str = ""
    address: str = "/backline/pong"


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    rid: str
    product: str
    proto_major: int
    proto_minor: int
    epoch: int
    version: str
    capabilities: str
    http_url: str
    engine: str
    max_request_bytes: int


@dataclass(frozen=True, slots=True)
class VersionReply(Message):
    rid: str
    product: str
    proto_major: int
    proto_minor: int
    version: str


@dataclass(frozen=True, slots=True)
class StatusReply(Message):
    rid: str
    epoch: int
    state: str
    running: int
    queued: int
    subscribers: int
    head_seq: int
    vram_used_gb: float
    vram_total_gb: float
    uptime_seconds: int
    engine: str


@dataclass(frozen=True, slots=True)
class Synced(Message):
    rid: str
    level: int
    head_seq: int


@dataclass(frozen=True, slots=True)
class Accepted(Message):
    rid: str
    job: int
    state: str
    queue_position: int
    duplicate: bool
    eta_seconds: float


@dataclass(frozen=True, slots=True)
class NotifyDone(Message):
    rid: str
    command: str
    on: bool
    lease_seconds: int
    head_seq: int
    epoch: int


@dataclass(frozen=True, slots=True)
class CancelDone(Message):
    rid: str
    command: str
    job: int
    outcome: str


@dataclass(frozen=True, slots=True)
class QuitDone(Message):
    rid: str
    command: str
    mode: str


@dataclass(frozen=True, slots=True)
class JobReply(Message):
    rid: str
    job: int
    job_rid: str
    state: str
    stage: str
    fraction: float
    eta_seconds: float
    stems_ready: int
    error_code: int
    message: str
    folder: str


@dataclass(frozen=True, slots=True)
class JobsItem(Message):
    rid: str
    index: int
    job: int
    job_rid: str
    state: str
    fraction: float


@dataclass(frozen=True, slots=True)
class JobsEnd(Message):
    rid: str
    sent: int
    total: int


@dataclass(frozen=True, slots=True)
class StemsEnd(Message):
    rid: str
    sent: int
    total: int


@dataclass(frozen=True, slots=True)
class ErrorReply(Message):
    rid: str
    command: str
    code: int
    symbol: str
    message: str
    argument: str

    @classmethod
    def of(cls, rid: str, command: str, error: ProtocolError) -> ErrorReply:
        """Put an error into the message that tells it."""
        return cls(rid, command, error.code, error.symbol, error.message, error.field)

    def error(self) -> ProtocolError:
        """The error it tells."""
        return ProtocolError(self.code, self.message, self.argument)


# Events


@dataclass(frozen=True, slots=True)
class Queued(Message):
    seq: int
    rid: str
    job: int
    position: int


@dataclass(frozen=True, slots=True)
class Started(Message):
    seq: int
    rid: str
    job: int


@dataclass(frozen=True, slots=True)
class Progress(Message):
    seq: int
    rid: str
    job: int
    stage: str
    fraction: float
    eta_seconds: float


@dataclass(frozen=True, slots=True)
class StemReady(Message):
    seq: int
    rid: str
    job: int
    index: int
    count: int
    name: str
    path: str
    url: str
    seconds: float
    sample_rate: int
    channels: int
    bytes: int
    sha256: str
    take: int = 1


@dataclass(frozen=True, slots=True)
class Finished(Message):
    seq: int
    rid: str
    job: int
    state: str
    elapsed_seconds: float
    error_code: int
    message: str
    folder: str


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    epoch: int
    head_seq: int
    running: int
    queued: int


@dataclass(frozen=True, slots=True)
class Bye(Message):
    reason: str


@dataclass(frozen=True, slots=True)
class UiState(Message):
    value: str


@dataclass(frozen=True, slots=True)
class UiStage(Message):
    value: str


@dataclass(frozen=True, slots=True)
class UiProgress(Message):
    value: float


@dataclass(frozen=True, slots=True)
class UiEta(Message):
    value: float


@dataclass(frozen=True, slots=True)
class UiBusy(Message):
    value: float


@dataclass(frozen=True, slots=True)
class UiError(Message):
    value: str
