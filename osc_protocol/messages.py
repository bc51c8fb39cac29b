"""All messages under one name, and the table that their classes make."""

from osc_protocol.commands import (
    Cancel,
    Hello,
    Notify,
    Ping,
    QueryJob,
    QueryJobs,
    QueryStatus,
    QueryStems,
    QueryVersion,
    Quit,
    Sync,
)  # fmt: skip
from osc_protocol.events import (
    Bye,
    Finished,
    Heartbeat,
    Progress,
    Queued,
    Started,
    StemReady,
    UiBusy,
    UiError,
    UiEta,
    UiProgress,
    UiStage,
    UiState,
)  # fmt: skip
from osc_protocol.generate import Generate
from osc_protocol.message import CLASSES, Command, Event, Message, Order, Reply, Row
from osc_protocol.replies import (
    Accepted,
    CancelDone,
    ErrorReply,
    JobReply,
    JobsEnd,
    JobsItem,
    NotifyDone,
    Pong,
    QuitDone,
    StatusReply,
    StemsEnd,
    Synced,
    VersionReply,
    Welcome,
)  # fmt: skip
from osc_protocol.split import Split

TABLE: tuple[Row, ...] = tuple(cls.row for cls in CLASSES.values())
AnyOrder = Generate | Split
ORDERS: dict[str, type[AnyOrder]] = {cls.kind: cls for cls in (Generate, Split)}

__all__ = [
    "CLASSES", "ORDERS", "TABLE", "Accepted", "AnyOrder", "Bye", "Cancel", "CancelDone", "Command",
    "ErrorReply", "Event", "Finished", "Generate", "Heartbeat", "Hello", "JobReply", "JobsEnd",
    "JobsItem", "Message", "Notify", "NotifyDone", "Order", "Ping", "Pong", "Progress", "QueryJob",
    "QueryJobs", "QueryStatus", "QueryStems", "QueryVersion", "Queued", "Quit", "QuitDone",
    "Reply", "Row", "Split", "Started", "StatusReply", "StemReady", "StemsEnd", "Sync", "Synced",
    "UiBusy", "UiError", "UiEta", "UiProgress", "UiStage", "UiState", "VersionReply", "Welcome",
]  # fmt: skip
