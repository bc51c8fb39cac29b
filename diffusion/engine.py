"""The interface of all engines: Conditions in, Generation out.

Knows nothing about OSC, jobs or files. An engine generates sound on a Grid: four stems, or one mix
to be split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from audio.clip import Clip
from audio.loudness import TARGET_LUFS
from audio.stem_names import LEADS, STEMS
from diffusion.audio_conditions import AudioConditions
from diffusion.errors import check_choice
from diffusion.facts import EngineDescription, EngineFacts
from midi.curve import Curve
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet
from midi.melody import Melody, Note

ENDS_FROM_BARS = 32  # shorter music is a loop, unless asked otherwise
Progress = Callable[[str, float], None]  # stage name, fraction in 0..1
CancelFlag = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Revision:
    """What to change of an earlier Generation, of which `score` is the engine's record.

    Only the stems of the Conditions are regenerated, from bar `first_bar` up to but without
    `end_bar` (from 0), or, with `notes`, the one stem plays these instead of its own.
    """

    score: Mapping[str, object]
    first_bar: int
    end_bar: int
    notes: tuple[Note, ...] | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an engine is to generate; `sections` holds one name a bar, or nothing.

    A name is as midi.sections.section_text reads it: a tag, words, or both. `tags` is free text,
    `seed` fixes every random choice, `sample_rate` is in Hz. With `revision` the stems are those
    to regenerate. `intensity` (0 to 1 by beats) is left to the engine where it is None.
    `lead_sheet` is the plan as far as it is known, on the bars of `grid`; `ending` is auto, loop or
    full; `swing` and `humanise` (0 to 1, 0 being on the grid) are left to the engine where None.
    The sound goes on for `tail_seconds` after the last bar, so that it rings out. An engine that
    mixes brings the whole band to `loudness_lufs`, or leaves it `dry`.
    Raises EngineError for an unknown lead or stem.
    """

    grid: Grid
    key: Key
    melody: Melody | None = None
    lead: str = "melody"
    tags: str = ""
    lyrics: str = ""
    seed: int = 0
    sample_rate: int = 48_000
    stems: tuple[str, ...] = STEMS
    sections: tuple[str, ...] = ()
    revision: Revision | None = None
    audio: AudioConditions = field(default_factory=AudioConditions)
    intensity: Curve | None = None
    lead_sheet: LeadSheet = field(default_factory=LeadSheet)
    ending: str = "auto"
    swing: float | None = None
    humanise: float | None = None
    tail_seconds: float = 0.0
    dry: bool = False
    loudness_lufs: float = TARGET_LUFS

    def __post_init__(self) -> None:
        check_choice("lead", self.lead, LEADS)
        for stem in self.stems:
            check_choice("stem", stem, STEMS)

    @property
    def loops(self) -> bool:
        """Whether the end is to go on seamlessly at the beginning; else it comes to an end."""
        if self.ending == "auto":
            return self.grid.bars < ENDS_FROM_BARS and not self.tail_seconds
        return self.ending == "loop"

    def frames(self, sample_rate: int) -> int:
        """The length of the sound: the grid's frames and those of the tail."""
        return self.grid.frames(sample_rate) + round(self.tail_seconds * sample_rate)


@dataclass(frozen=True, slots=True)
class Generation:
    """What an engine played: stems of (2, frames) each, or a mix to be split.

    `notes` holds what each stem plays where the engine knows it, `facts` go into the manifest,
    `score` is what the engine needs to change the music later, as JSON types; None: it cannot.
    """

    stems: Mapping[str, Clip] | None = None
    mix: Clip | None = None
    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    facts: EngineFacts = field(default_factory=EngineFacts)
    score: Mapping[str, object] | None = None


class Engine(ABC):
    """A model with a lifetime: load once, generate many times, close.

    An engine is one subclass and one row of diffusion.engines. One that `plays_plans` is given
    whole lead sheets, planned where the user gave none.
    """

    name: str
    plays_plans: bool = False

    @abstractmethod
    def load(self, progress: Progress) -> None:
        """Read the weights; raises EngineError when they are missing or not the published ones."""

    @abstractmethod
    def describe(self) -> EngineDescription:
        """Return weights (sha256), device and versions for the manifest."""

    @abstractmethod
    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`; raises Cancelled within one diffusion step of the flag going up."""

    @abstractmethod
    def close(self) -> None:
        """Free the memory; generate() after it is an error."""

    def compatible(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        """Return those of `others`, in order, that fit into one batch with `conditions`."""
        return []

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        """Play conditions that are compatible; each result is that of generate()."""
        return [self.generate(each, progress, cancelled) for each in batch]
