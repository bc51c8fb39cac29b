"""What was done to a take after the engine had made it, as its manifest holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audio.report import Conforming, NotConformed, Transposed
from diffusion.facts import ENGINE_FACTS
from stems.plain import OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitterDescription:
    """Which splitter split a sound, enough to split it in the same way again.

    `bfloat16_snr_db` is how near bfloat16 came to float32, where both were tried; `overlap` is the
    share of a segment. A `loop` was split as going round.
    """

    name: str
    sha256: str
    precision: str
    bfloat16_snr_db: float | None
    device: str
    sample_rate: int
    segment_seconds: float
    overlap: float
    torch: str
    demucs: str
    loop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEntry:
    """A take among which was chosen: its score and the score's parts, 0..1, and what became of it.

    A part is None where nothing was asked or found. `reasons` say why it failed the gate.
    """

    seed: int
    score: float
    parts: Mapping[str, float | None]
    reasons: tuple[str, ...]
    kept: bool
    transposed_semitones: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceEntry(AttemptEntry):
    """This take as an attempt, and all `attempts` of its job."""

    attempts: tuple[AttemptEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFacts:
    """What was done to a take; None where it was not.

    `engine` are the engine's own facts, open to any; those of the engines here have types.
    `silent` stems of a split are all zeros, `channels` and `peak_dbfs` (of the loudest stem) are a
    split recording's, and so is `sureness`: how alone each stem is where it sounds, 0..1 (see
    stems/sureness.py), where all stems were asked for. `notes_heard` names the stems whose notes
    were transcribed from their sound.
    `changed` are the stems that are new, the others are those of `source_take` of `source_job`.
    `remarks` are sentences for the user.
    """

    engine: Mapping[str, object] = field(
        default_factory=dict, metadata={**OPEN, "known": ENGINE_FACTS}
    )
    splitter: SplitterDescription | None = None
    silent: tuple[str, ...] | None = None
    channels: int | None = None
    peak_dbfs: float | None = None
    sureness: Mapping[str, float] | None = None
    conform: Conforming | NotConformed | None = None
    transposed: Transposed | None = None
    changed: tuple[str, ...] | None = None
    source_job: str | None = None
    source_take: int | None = None
    remarks: tuple[str, ...] | None = None
    choice: ChoiceEntry | None = None
    notes_heard: tuple[str, ...] | None = None

    @property
    def all_remarks(self) -> tuple[str, ...]:
        """Return the remarks, which are the engine's own where no others stand in their place."""
        remarks = self.engine.get("remarks") if self.remarks is None else self.remarks
        return tuple(remarks) if isinstance(remarks, list | tuple) else ()
