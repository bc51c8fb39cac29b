"""Fields that several messages have, each with what it may be."""

from typing import Annotated

from osc_protocol.argument import Arg, Key
from osc_protocol.errors import ProtocolError, named, refusal
from osc_protocol.protocol import MAX_POSITION_BEATS, MAX_POSITION_SECONDS

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
Priority = Annotated[
    int,
    Key("of jobs that wait in a daemon, those of higher priority go first", low=-9, high=9,
        stored_if_set=True, kept_by=(), group=OUTPUT, example="5"),
]  # fmt: skip
DryRun = Annotated[
    bool,
    Key("1: check the request, make nothing", in_request=False, kept_by=(), group=OUTPUT),
]

# Of answers
Echo = Annotated[str, Arg("the request's id; empty where it had none", "line", max_bytes=64)]
Sentence = Annotated[str, Arg("one sentence, or nothing", "line", max_bytes=500)]
Epoch = Annotated[int, Arg("how often the daemon has been started in its home", low=0)]
HeadSeq = Annotated[int, Arg("number of the newest durable event", low=0)]
Running = Annotated[int, Arg("jobs running", low=0)]
Waiting = Annotated[int, Arg("jobs waiting", low=0)]


def check_one_position(at_seconds: float, at_beats: float) -> None:
    """Refuse a place in the project that is given twice; raises ProtocolError."""
    if at_seconds and at_beats:
        raise give_one("at_beats", "at_seconds")


def give_one(first: str, second: str) -> ProtocolError:
    """Return the refusal of two fields that exclude each other."""
    return refusal(first, f" and {named(second)}: give one of them, not both")
