"""What goes through the pipe between the daemon and its worker: orders one way, reports back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.jobs import JobState


@dataclass(frozen=True, slots=True)
class Play:
    """Order: play job `number` into `folder`.

    `behind` are requests that wait behind it and may be played in the same batch.
    """

    number: int
    request: Mapping[str, object]
    folder: str
    behind: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Order: stop playing job `number`."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Order: end the process, and before that whatever is played."""


@dataclass(frozen=True, slots=True)
class Alive:
    """Report: the process runs; it comes every second, whatever is played."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Report: it takes orders at once, with `engine` loaded ("" for none)."""

    engine: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """Report: job `number` is at `fraction` (0..1) of its whole, in `stage`."""

    number: int
    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Report: job `number` is in its final `state`; `stems` holds StemReady's fields of each."""

    number: int
    state: JobState
    error_code: int = 0
    message: str = ""
    stems: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Exited:
    """Report: the process has ended."""

    exit_status: int | None


Order = Play | Cancel | Stop
Report = Alive | Ready | Progressed | Ended | Exited
