"""The request to split a sound file into stems."""

from typing import Annotated

from audio.stem_names import EXTRA_STEMS, REST, SPLIT_STEMS, STEMS
from osc_protocol.argument import MAX_PATH_BYTES, Arg, Key
from osc_protocol.errors import Code, refusal
from osc_protocol.fields import (
    AtBeats,
    AtSeconds,
    DryRun,
    Format,
    Priority,
    RequestRid,
    check_one_position,
)
from osc_protocol.message import Request
from osc_protocol.protocol import MAX_POSITION_SECONDS
from stems.splitting.splitters import splitter_names

SOUND = "Sound"  # a heading of the command line's help


class Split(Request, address="/backline/split", answers=("Accepted",), kind="split"):
    """Splits a sound file into stems; a job like those of generate."""

    # fmt: off
    path: Annotated[str, Arg("sound file: WAV, FLAC, MP3, OGG ...", "path",
        wire_only="the command line takes it without an option")]
    stems: Annotated[tuple[str, ...], Key("which stems, comma-separated; only these are worked "
        f"out; {', '.join(EXTRA_STEMS)} and {REST} where the splitter gives them",
        choices=SPLIT_STEMS, group=SOUND, example="drums,vocals")] = STEMS
    model: Annotated[str, Key(f"which splitter: {', '.join(splitter_names())} or a path; "
        "empty: the best that is installed", max_bytes=MAX_PATH_BYTES, group=SOUND,
        example="htdemucs")] = ""
    loop: Annotated[bool, Key("1: the sound repeats, so what is before its start is its end",
        group=SOUND)] = False
    format: Format = "wav32f"
    start_seconds: Annotated[float, Key("where in the file to begin", low=0,
        high=MAX_POSITION_SECONDS, unit="s", aliases=("from-seconds", "from"),
        stored_as="from_seconds", option="--start",
        group=SOUND, example="12.5")] = 0.0
    length_seconds: Annotated[float, Key("how much of it; 0: to its end", low=0,
        high=MAX_POSITION_SECONDS, unit="s", aliases=("seconds",), option="--length", group=SOUND,
        example="30")] = 0.0
    at_seconds: AtSeconds = 0.0
    at_beats: AtBeats = 0.0
    priority: Priority = 0
    dry_run: DryRun = False
    rid: RequestRid = ""
    # fmt: on

    @property
    def music_seconds(self) -> float:
        """How much of the sound it reads, 0 where that is all of it."""
        return self.length_seconds

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path:
            raise refusal("path", " must name a sound file", Code.MISSING_ARGUMENT)
        check_one_position(self.at_seconds, self.at_beats)
