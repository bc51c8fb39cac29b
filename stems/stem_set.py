"""Stems that belong together, equal in length and rate and adding up to their mix; and takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from audio.clip import Clip
from audio.decibels import db_to_amplitude, dbfs
from audio.loudness import true_peak
from audio.report import Report
from audio.stem_names import STEMS
from midi.lead_sheet import LeadSheet
from midi.note import Note
from stems.errors import StemError
from stems.facts import TakeFacts

PEAK_LIMIT_DBTP = -1.0

# Summing and oversampling scaled stems rounds otherwise than scaling their sum (some 2^-22 of the
# peak for four float32 stems), so the gain aims this much lower and the limit holds all the same.
_ROUNDING_MARGIN = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class StemSet:
    """Stereo clips by stem name, (2, frames) float32 each, whose sum is the mix.

    Where mix or stem would peak above -1 dBTP (true peak, fourfold oversampled), one common gain
    (`gain_db`, at most 0) turns all of them down on construction, so balance and sum stay as they
    were; clips that have had theirs (`gained_db`, as read back from a finished job) are left as
    they are. Raises StemError for an unknown stem, no stem, or stems that differ in frames,
    channels or rate.
    """

    clips: Mapping[str, Clip]
    gained_db: float | None = None
    gain_db: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        _check(self.clips)
        ordered = {name: self.clips[name] for name in STEMS if name in self.clips}
        if self.gained_db is not None:
            object.__setattr__(self, "gain_db", self.gained_db)
            object.__setattr__(self, "clips", MappingProxyType(ordered))
            return
        limit = db_to_amplitude(PEAK_LIMIT_DBTP)
        peak = limit
        for clip in (_sum(ordered), *ordered.values()):
            peak = true_peak(clip, at_least=peak)
        if peak > limit:
            gain = limit * (1.0 - _ROUNDING_MARGIN) / peak
            ordered = {
                name: Clip(clip.samples * np.float32(gain), clip.sample_rate)
                for name, clip in ordered.items()
            }
            object.__setattr__(self, "gain_db", dbfs(gain))
        object.__setattr__(self, "clips", MappingProxyType(ordered))

    @property
    def names(self) -> tuple[str, ...]:
        """The stems it holds, in the order of STEMS."""
        return tuple(self.clips)

    @property
    def frames(self) -> int:
        """Length in frames, the same for every stem."""
        return next(iter(self.clips.values())).frames

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz, the same for every stem."""
        return next(iter(self.clips.values())).sample_rate

    @property
    def mix(self) -> Clip:
        """The float32 sum of the stems, added in the order of STEMS."""
        return _sum(self.clips)


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """Stems, what each of them plays, what was measured on them, and the seed they came from.

    `notes` is by stem and may be empty; `report` is None where nothing was measured. `score` is
    what the engine needs to change the take later; it is kept in score.json. `lead_sheet` is the
    plan that it plays, as far as there is one.
    """

    stem_set: StemSet
    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    report: Report | None = None
    seed: int = 0
    facts: TakeFacts = field(default_factory=TakeFacts)
    score: Mapping[str, object] | None = None
    lead_sheet: LeadSheet | None = None


def _check(clips: Mapping[str, Clip]) -> None:
    if not clips:
        raise StemError("a stem set needs at least one stem")
    for name in clips:
        if name not in STEMS:
            raise StemError(f"stem must be one of {', '.join(STEMS)}, not {name!r}")
    first_name, first = next(iter(clips.items()))
    for name, clip in clips.items():
        if clip.channels != 2:
            raise StemError(f"stem {name} has {clip.channels} channels, must be stereo (2)")
        if (clip.frames, clip.sample_rate) != (first.frames, first.sample_rate):
            raise StemError(
                f"stem {name} has {clip.frames} frames at {clip.sample_rate} Hz, "
                f"{first_name} has {first.frames} at {first.sample_rate} Hz: they must be equal"
            )


def _sum(clips: Mapping[str, Clip]) -> Clip:
    first = next(iter(clips.values()))
    total = np.zeros_like(first.samples)
    for clip in clips.values():
        total += clip.samples
    return Clip(total, first.sample_rate)
