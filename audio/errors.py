"""What can be wrong with sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path


class Remedy(Enum):
    """What is not heard surely, and a listener can say."""

    DOWNBEAT = "downbeat"  # where bar 1 begins
    OCTAVE = "octave"  # whether it is counted half or twice as fast


class AudioError(ValueError):
    """The audio cannot be read, written or measured; the message says why in one sentence."""


class GateError(AudioError):
    """No take passed the limits that were asked for; the message gives what was measured."""


class CannotConform(AudioError):
    """The audio cannot be brought onto the grid; the message gives what was measured.

    `bars_held` is the number of whole bars there are where too many were asked for, else 0.
    `remedy` is what a listener could say that would settle it, if anything.
    """

    bars_held = 0
    remedy: Remedy | None = None


@contextmanager
def file_errors(verb: str, path: Path) -> Iterator[None]:
    """Raise AudioError ("cannot read take.wav: ...") where the disk or libsndfile refuses."""
    import soundfile

    try:
        yield
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"cannot {verb} {path}: {reason}") from error
