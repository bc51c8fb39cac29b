"""What clients ask, besides the requests generate and split: a class for each command.

The docstrings are the descriptions of docs/guide/protocol.md.
"""

from typing import Annotated

from osc_protocol.argument import Arg, Key
from osc_protocol.fields import AnyRid, Port, Rid, Target
from osc_protocol.message import Command
from osc_protocol.protocol import MAX_INT, PROTOCOL_MAJOR


class Ping(Command, address="/backline/ping", answers=("Pong",)):
    """Sends its arguments back. Renews a lease. So does /ping, answered by /pong."""

    args: tuple[object, ...] = ()
    tags: str = ""
    address: str = "/backline/ping"


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


class QueryVersion(Command, address="/backline/version", button=True, answers=("VersionReply",)):
    """Asks for versions."""

    rid: AnyRid = ""


class QueryStatus(Command, address="/backline/status", button=True, answers=("StatusReply",)):
    """Asks how the daemon is."""

    rid: AnyRid = ""


class Sync(Command, address="/backline/sync", answers=("Synced",)):
    """Answered once every request received earlier has been accepted or refused, durably."""

    rid: Rid


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


class Cancel(Command, address="/backline/cancel", button=True, answers=("CancelDone",)):
    """Stops a job; as a button: the newest job of this host."""

    rid: AnyRid = ""
    target: Annotated[
        str | int, Arg("rid or number of the job; 0: the host's newest", "target", low=0)
    ] = 0


class QueryJob(Command, address="/backline/job", answers=("JobReply",)):
    """Asks how a job is; unknown is an error."""

    rid: Rid
    target: Target


class QueryJobs(Command, address="/backline/jobs", answers=("JobsItem", "JobsEnd")):
    """Lists jobs, newest first."""

    rid: Rid
    offset: Annotated[int, Arg("how many to skip", low=0, high=MAX_INT)] = 0
    limit: Annotated[int, Arg("how many to list", low=1, high=20)] = 20


class QueryStems(Command, address="/backline/stems", answers=("StemReady", "StemsEnd")):
    """Sends the stem events of a job again."""

    rid: Rid
    target: Target


class Quit(Command, address="/backline/quit", answers=("QuitDone",)):
    """Stops the daemon: now, or drain (once the queue is empty)."""

    rid: Rid
    mode: Annotated[str, Arg("now or drain", choices=("now", "drain"))] = "now"
