"""How clients and the daemon know of each other: each command with its reply.

The docstrings are the descriptions of docs/guide/protocol.md.
"""

from typing import Annotated, Self

from osc_protocol.argument import Arg, Key
from osc_protocol.errors import ProtocolError
from osc_protocol.fields import AnyRid, Echo, Epoch, HeadSeq, Rid, Running, Sentence, Waiting
from osc_protocol.message import Command, Reply
from osc_protocol.protocol import MAX_INT, PROTOCOL_MAJOR

Port = Annotated[
    int,
    Key("port that answers and events go to; 0: where the request came from", low=0, high=65_535),
]
Product = Annotated[str, Arg('always "backline"')]
ProtoMajor = Annotated[int, Arg("protocol, major", low=0)]
ProtoMinor = Annotated[int, Arg("protocol, minor", low=0)]
Version = Annotated[str, Arg("version of the daemon")]
LoadedEngine = Annotated[str, Arg("engine that is loaded, or empty")]


class Ping(Command, address="/backline/ping", answers=("Pong",)):
    """Sends its arguments back. Renews a lease. So does /ping, answered by /pong."""

    args: tuple[object, ...] = ()
    tags: str = ""
    address: str = "/backline/ping"


class Pong(Reply, address="/backline/pong"):
    """The arguments of the ping; /pong answers /ping."""

    args: tuple[object, ...] = ()
    tags: str = ""
    address: str = "/backline/pong"


class Hello(Command, address="/backline/hello", answers=("Welcome",)):
    """Says who you are; asks who is there."""

    rid: Rid
    client: Annotated[str, Arg("name of the client program", max_bytes=64)]
    id: Annotated[
        str,
        Key("client id: scopes request ids instead of the IP address", max_bytes=64,
            pattern=r"[A-Za-z0-9._:-]+"),
    ] = ""  # fmt: skip
    proto: Annotated[int, Key("protocol major that you speak", low=0, high=MAX_INT)] = (
        PROTOCOL_MAJOR
    )
    port: Port = 0
    token: Annotated[str, Key("the daemon's token, from another machine", max_bytes=200)] = ""


class Welcome(Reply, address="/backline/welcome"):
    """Answers hello."""

    rid: Echo
    product: Product
    proto_major: ProtoMajor
    proto_minor: ProtoMinor
    epoch: Epoch
    version: Version
    capabilities: Annotated[str, Arg('between colons, such as ":udp:spool:blob:"')]
    http_url: Annotated[str, Arg("where HTTP is served on that machine; empty: it is off")]
    engine: LoadedEngine
    max_request_bytes: Annotated[int, Arg("longest datagram taken", low=0, unit="bytes")]


class QueryVersion(Command, address="/backline/version", button=True, answers=("VersionReply",)):
    """Asks for versions."""

    rid: AnyRid = ""


class VersionReply(Reply, address="/backline/version.reply"):
    """Answers version."""

    rid: Echo
    product: Product
    proto_major: ProtoMajor
    proto_minor: ProtoMinor
    version: Version


class QueryStatus(Command, address="/backline/status", button=True, answers=("StatusReply",)):
    """Asks how the daemon is."""

    rid: AnyRid = ""


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


class Sync(Command, address="/backline/sync", answers=("Synced",)):
    """Answered once every request received earlier has been accepted or refused, durably."""

    rid: Rid


class Synced(Reply, address="/backline/synced"):
    """Answers sync."""

    rid: Echo
    level: Annotated[int, Arg("always 0: accepted or refused", low=0)]
    head_seq: HeadSeq


class Notify(
    Command,
    address="/backline/notify",
    answers=("NotifyDone",),
    short=(("on",), ("on", "port")),
    # What sends these cannot renew a lease by itself: it lasts as long as any may.
    short_values={"lease": 3600},
):
    """Subscribes (on 1) or unsubscribes (on 0). Repeating it renews the lease."""

    rid: AnyRid
    on: Annotated[bool, Arg("1 subscribe, 0 unsubscribe")]
    port: Port = 0
    lease: Annotated[int, Key("how long without a sign of life", low=5, high=3600, unit="s")] = 60
    scope: Annotated[
        str, Key("whose jobs: the client's, the host's, all", choices=("mine", "host", "all"))
    ] = "host"
    style: Annotated[
        str,
        Key("events, one-value ui messages, or both", choices=("events", "simple", "both")),
    ] = "events"
    rate: Annotated[int, Key("progress events a second at most", low=1, high=30, unit="Hz")] = 10
    reliable: Annotated[
        bool, Key("1: durable events are sent again, five times at most, until ack names them")
    ] = False


class NotifyDone(Reply, address="/backline/done"):
    """Answers notify."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/notify",))]
    on: Annotated[bool, Arg("as asked")]
    lease_seconds: Annotated[int, Arg("renew within it", low=0, unit="s")]
    head_seq: HeadSeq
    epoch: Epoch


class Quit(Command, address="/backline/quit", answers=("QuitDone",)):
    """Stops the daemon: now, or drain (once the queue is empty)."""

    rid: Rid
    mode: Annotated[str, Arg("now or drain", choices=("now", "drain"))] = "now"


class QuitDone(Reply, address="/backline/done"):
    """Answers quit, before bye."""

    rid: Echo
    command: Annotated[str, Arg("what was done", choices=("/backline/quit",))]
    mode: Annotated[str, Arg("as asked", choices=("now", "drain"))]


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
