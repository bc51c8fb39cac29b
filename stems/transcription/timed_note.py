"""A note with its times in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimedNote:
    """Start and length in seconds, MIDI pitch (General MIDI's number for drums), velocity 0..1."""

    start_seconds: float
    length_seconds: float
    pitch: int
    velocity: float
