"""What plays a worker's jobs: this machine, or another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from daemon.worker_messages import Play

if TYPE_CHECKING:
    from stems.manifest import Manifest

Progress = Callable[[str, float], None]
CancelFlag = Callable[[], bool]


class Player(Protocol):
    """Plays one job after the other; the process around it beats, reports and is killed."""

    def play(
        self, order: Play, folder: Path, progress: Progress, cancelled: CancelFlag
    ) -> Manifest:
        """Make the files of a job in `folder`, all or none, and return their manifest.

        Raises Cancelled once `cancelled` says so, and what explain() puts into a sentence.
        """

    def warm_up(self) -> str:
        """Get ready for the first job; returns the engine that is loaded, or ""."""
