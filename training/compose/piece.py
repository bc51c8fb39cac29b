"""A composed piece: what was asked of the band, and what the band played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diffusion.embedded.performance import Performance, Played

SECTIONS: tuple[str, ...] = ("intro", "verse", "chorus", "bridge", "outro")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord from `start_beats` on for `length_beats`; pitch classes 0..11, the root first."""

    start_beats: float
    length_beats: float
    root: int
    pitch_classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Short multi-part music with everything a model may be conditioned on.

    `tune` holds the melody on the exact grid, `performance` the same melody as it is played.
    `bpm` counts quarter notes; `sections` and `intensity` (0..1) have one entry per bar.
    `tune_source` is "rules:<seed>" or "<collection>:<number>". `ending` is "full" (a cadence and
    a last bar) or "loop". `presence` says per part of the performance and bar whether it plays
    there: a section's bars in which a part only waits or breathes count as played.
    """

    style: str
    moods: tuple[str, ...]
    bpm: float
    meter: str
    bars: int
    tonic: int
    mode: str
    lead: str
    tune: tuple[Played, ...]
    tune_source: str
    chords: tuple[Chord, ...]
    sections: tuple[str, ...]
    intensity: tuple[float, ...]
    ending: str
    presence: Mapping[str, tuple[bool, ...]]
    performance: Performance
