"""The request to bring a recording onto a grid."""

from fractions import Fraction
from typing import Annotated

from midi.grid import MAX_BARS, MAX_BPM, MIN_BPM, Grid
from midi.number import exact
from osc_protocol.argument import Arg, Key
from osc_protocol.errors import Code, refusal, refusing
from osc_protocol.fields import DryRun, Priority, RequestRid, give_one
from osc_protocol.generate import MAX_TAIL_SECONDS
from osc_protocol.message import Request
from osc_protocol.protocol import MAX_POSITION_SECONDS

GRID, RECORDING = "Grid", "Recording"  # headings of the command line's help


class Conform(Request, address="/backline/conform", answers=("Accepted",), kind="conform"):
    """Brings a recording, and stems of it, onto a grid: whole bars to the frame, or not at all."""

    # fmt: off
    path: Annotated[str, Arg("sound file: WAV, FLAC, MP3, OGG ...", "path",
        wire_only="the command line takes it without an option")]
    bpm: Annotated[float, Key("quarter notes a minute to land on", low=MIN_BPM, high=MAX_BPM,
        unit="bpm", group=GRID, example="92.5")]
    meter: Annotated[str, Key("time signature, n/2^k", max_bytes=8, group=GRID,
        example="7/8")] = "4/4"
    bars: Annotated[int, Key("bars to cut; 0: as many as are there", low=0, high=MAX_BARS,
        unit="bars", group=GRID, example="16")] = 0
    tail_seconds: Annotated[float, Key("how long it rings on after the last bar", low=0,
        high=MAX_TAIL_SECONDS, unit="s", option="--tail", group=GRID, example="3")] = 0.0
    loop: Annotated[bool, Key("1: fold what rings on into the beginning", group=GRID)] = False
    max_stretch_percent: Annotated[float, Key("refuse more than that", low=0, high=100, unit="%",
        option="--max-stretch", group=GRID, example="3")] = 6.0
    from_bpm: Annotated[float | None, Key("the recording's own tempo, where it is another",
        low=MIN_BPM, high=MAX_BPM, unit="bpm", unset="as bpm", group=RECORDING,
        example="90")] = None
    stems_path: Annotated[str, Key("folder with drums.wav, bass.wav ... of it: done alike", "path",
        option="--stems", group=RECORDING, example="STEMS")] = ""
    downbeat_seconds: Annotated[float | None, Key("where bar 1 begins in the recording", low=0,
        high=MAX_POSITION_SECONDS, unit="s", unset="as it is heard", option="--downbeat",
        group=RECORDING, example="1.25")] = None
    half: Annotated[bool, Key("1: it is counted at half the tempo", group=RECORDING)] = False
    double: Annotated[bool, Key("1: it is counted at double the tempo", group=RECORDING)] = False
    priority: Priority = 0
    dry_run: DryRun = False
    rid: RequestRid = ""
    # fmt: on

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path:
            raise refusal("path", " must name a sound file", Code.MISSING_ARGUMENT)
        if self.loop and self.tail_seconds:
            raise give_one("tail_seconds", "loop")
        if self.half and self.double:
            raise give_one("half", "double")
        self.grid(1)

    @property
    def pace(self) -> Fraction:
        """How many beats of the recording are counted for one."""
        return Fraction(1, 2) if self.half else Fraction(2 if self.double else 1)

    @property
    def music_seconds(self) -> float:
        """How much sound comes of it, 0 where that depends on the recording."""
        return float(self.grid(self.bars).seconds) if self.bars else 0.0

    def grid(self, bars: int) -> Grid:
        """Return the grid of so many bars to land on; ProtocolError."""
        with refusing("meter"):
            return Grid.constant(exact(self.bpm) or 0, self.meter, bars)

    def expected(self, bars: int) -> Grid | None:
        """Return the grid of the recording, if that is another."""
        return Grid.constant(exact(self.from_bpm) or 0, self.meter, bars) if self.from_bpm else None
