"""The parts of a manifest: files, takes, and the music they were made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import PurePosixPath, PureWindowsPath

from audio.report import Examination, Report
from midi.errors import GridError
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from midi.melody import Melody
from stems.errors import StemError
from stems.facts import TakeFacts
from stems.plain import EMPTY


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One delivered file: `path` is relative to the manifest and uses forward slashes.

    `role` is stem, mix, notes, score, plan, project or overview; `frames` is 0 for a file without
    sound.
    Raises StemError for a path that leads out of the folder.
    """

    path: str
    role: str
    stem: str | None
    take: int | None
    bytes: int
    frames: int
    sha256: str

    def __post_init__(self) -> None:
        # Manifests are also read to know what to replace: no path may lead out of the folder.
        parts = PurePosixPath(self.path).parts
        if not parts or ".." in parts or "\\" in self.path or PureWindowsPath(self.path).anchor:
            raise StemError(f"manifest file path {self.path!r} leads out of its folder")


@dataclass(frozen=True, slots=True)
class TakeEntry:
    """One take, counted from 1: what was measured on it, and what was done to it.

    `gain_db` is the common gain of its stems, `null_dbfs` the peak of mix.wav minus the sum of
    the stem files as read back from disk (-200 when nothing is left). A split is not measured, and
    has {} as its report. `silent` names the stems without an audible sound.
    """

    take: int
    seed: int
    gain_db: float
    null_dbfs: float
    report: Examination | Report | None = field(metadata=EMPTY)
    facts: TakeFacts
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LengthEntry:
    """The length of a split recording, whose tempo and meter are unknown."""

    sample_rate: int
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TempoEntry:
    """A tempo in quarters a minute from a beat (a quarter) on, and whether it ramps to the next."""

    beat: float
    bpm: float
    ramp: bool


@dataclass(frozen=True, slots=True)
class MeterEntry:
    """A meter such as "7/8" from a bar, counted from 0, on."""

    bar: int
    meter: str


@dataclass(frozen=True, slots=True)
class GridEntry:
    """A grid in beats (quarters), seconds, and frames at `sample_rate` Hz.

    `bpm` and `meter` are those of the start; `bar_frames` are the bars' first frames and the end.
    """

    bpm: float
    meter: str
    bars: int
    beats: float
    seconds: float
    sample_rate: int
    frames: int
    bar_frames: tuple[int, ...]
    tempo_map: tuple[TempoEntry, ...]
    meter_map: tuple[MeterEntry, ...]

    @classmethod
    def of(cls, grid: Grid, sample_rate: int) -> GridEntry:
        """Describe a grid at `sample_rate` Hz."""
        return cls(
            bpm=grid.bpm,
            meter=str(grid.meter),
            bars=grid.bars,
            beats=float(grid.beats),
            seconds=float(grid.seconds),
            sample_rate=sample_rate,
            frames=grid.frames(sample_rate),
            bar_frames=tuple(grid.frame_at(beat, sample_rate) for beat in grid.bar_starts),
            tempo_map=tuple(
                TempoEntry(float(each.beat), float(each.bpm), each.ramp) for each in grid.tempo
            ),
            meter_map=tuple(MeterEntry(each.bar, str(each.meter)) for each in grid.meters),
        )

    def grid(self) -> Grid:
        """Return the grid described; raises StemError where there can be none."""
        try:
            tempo = tuple(
                TempoPoint(Fraction(str(each.beat)), Fraction(str(each.bpm)), each.ramp)
                for each in self.tempo_map
            )
            meters = tuple(
                MeterChange(each.bar, Meter.parse(each.meter)) for each in self.meter_map
            )
            return Grid(self.bars, tempo, meters)
        except (GridError, ValueError) as wrong:
            raise StemError(f"the manifest's grid cannot be read: {wrong}") from None


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key by name, and by its pitch classes (C is 0)."""

    name: str
    tonic: int
    pitch_classes: tuple[int, ...]

    @classmethod
    def of(cls, key: Key) -> KeyEntry:
        """Describe a key."""
        return cls(key.name, key.tonic, tuple(key.pitch_classes))


@dataclass(frozen=True, slots=True)
class MelodyEntry:
    """How much of the given melody is played, and what was changed to fit the grid."""

    notes: int
    harmony_notes: int
    changes: tuple[str, ...]

    @classmethod
    def of(cls, melody: Melody) -> MelodyEntry:
        """Describe a melody."""
        return cls(len(melody.notes), len(melody.harmony), tuple(melody.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionEntry:
    """Where a result begins: bar 1 in the user's project, or a split part in its recording."""

    start_seconds: float | None = None
    from_seconds: float | None = None
    at_beats: float
    at_seconds: float


@dataclass(frozen=True, slots=True)
class Section:
    """A run of bars under one name; `first_bar` counts from 0."""

    name: str
    first_bar: int
    bars: int


def sections_of(bar_names: Sequence[str], grid: Grid) -> tuple[Section, ...]:
    """Join one name a bar into runs; bars named "" belong to no section.

    Raises StemError unless there is one name for each of the grid's bars, or none at all.
    """
    if bar_names and len(bar_names) != grid.bars:
        raise StemError(f"sections names {len(bar_names)} bars, the grid has {grid.bars}")
    found = []
    bar = 0
    for name, run in groupby(bar_names):
        bars = len(list(run))
        if name:
            found.append(Section(name, bar, bars))
        bar += bars
    return tuple(found)
