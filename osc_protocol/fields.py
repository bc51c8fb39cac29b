"""Fields that several messages have, each with what it may be."""

from typing import Annotated

from osc_protocol.argument import MAX_PATH_BYTES, Arg, Key
from osc_protocol.errors import Code, ProtocolError, named
from osc_protocol.protocol import MAX_POSITION_BEATS, MAX_POSITION_SECONDS

JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
SOUND_FORMATS = ("wav16", "wav24", "wav32f", "flac")
POSITION, OUTPUT = "Place in the project", "Output"  # headings of the command line's help

# Of requests
Rid = Annotated[str, Arg("request id, chosen by the client", "rid")]
RequestRid = Annotated[
    str,
    Arg("request id, chosen by the client", "rid", must_be_sent=True, in_request=False, kept_by=(),
        wire_only="the command line makes up a new one for each request"),
]  # fmt: skip
AnyRid = Annotated[str, Arg("request id, chosen by the client", "rid", default="")]
Target = Annotated[str | int, Arg("rid or number of the job", "target", low=0)]
Port = Annotated[
    int,
    Key("port that answers and events go to; 0: where the request came from", low=0, high=65_535),
]
Format = Annotated[
    str,
    Key("of the sound files; flac has 24 bits", choices=SOUND_FORMATS, group=OUTPUT,
        example="wav24"),
]  # fmt: skip
AtSeconds = Annotated[
    float,
    Key("where the result begins in the project", low=0, high=MAX_POSITION_SECONDS, unit="s",
        aliases=("at",), group=POSITION, example="12.5"),
]  # fmt: skip
AtBeats = Annotated[
    float,
    Key("the same in quarters; not both", low=0, high=MAX_POSITION_BEATS, unit="quarters",
        group=POSITION, example="64"),
]  # fmt: skip
DryRun = Annotated[
    bool,
    Key("1: check the request, make nothing", in_request=False, kept_by=(), group=OUTPUT),
]

# Of answers
Echo = Annotated[str, Arg("the request's id; empty where it had none", "line", max_bytes=64)]
Owner = Annotated[str, Arg("id of the request that made the job", "line", max_bytes=64)]
Job = Annotated[int, Arg("job number", low=0)]
State = Annotated[str, Arg("state of the job", choices=JOB_STATES)]
Stage = Annotated[str, Arg("load, diffuse, decode, split, conform, measure or write; empty before")]
Fraction = Annotated[float, Arg("how much of the job is done; never falls", low=0, high=1)]
Eta = Annotated[float, Arg("time left; -1 where unknown", low=-1, unit="s")]
Folder = Annotated[str, Arg("folder of the results", max_bytes=MAX_PATH_BYTES)]
ErrorCode = Annotated[int, Arg("0, or why it failed (see Errors)", low=0)]
Sentence = Annotated[str, Arg("one sentence, or nothing", "line", max_bytes=500)]
Seq = Annotated[int, Arg("number of the last durable event, this one's if it is durable", low=0)]
Epoch = Annotated[int, Arg("how often the daemon has been started in its home", low=0)]
HeadSeq = Annotated[int, Arg("number of the newest durable event", low=0)]
Running = Annotated[int, Arg("jobs running", low=0)]
Waiting = Annotated[int, Arg("jobs waiting", low=0)]
Product = Annotated[str, Arg('always "backline"')]
ProtoMajor = Annotated[int, Arg("protocol, major", low=0)]
ProtoMinor = Annotated[int, Arg("protocol, minor", low=0)]
Version = Annotated[str, Arg("version of the daemon")]
LoadedEngine = Annotated[str, Arg("engine that is loaded, or empty")]
Sent = Annotated[int, Arg("messages in this list", low=0)]
Total = Annotated[int, Arg("how many there are in all", low=0)]


def check_one_position(at_seconds: float, at_beats: float) -> None:
    """Refuse a place in the project that is given twice; raises ProtocolError."""
    if at_seconds and at_beats:
        raise ProtocolError(
            Code.OUT_OF_RANGE,
            f"{named('at_beats')} and {named('at_seconds')}: give one of them, not both",
            "at_beats",
        )
