"""How one daemon is set up: where it lives, which port it listens on, which engines it opens."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import UsageError
from diffusion.engines import DEFAULT_ENGINE, ENGINES, EngineSpec
from diffusion.models.folder import data_folder

OSC_HOST = "127.0.0.1"
OSC_PORT = 9787


def default_home() -> Path:
    """Return BACKLINE_HOME, or the folder the platform keeps for a program's data."""
    return data_folder()


def _cluster_seconds() -> float:
    """BACKLINE_CLUSTER_SECONDS, 0 to 60; 0.2 where it is not set."""
    text = os.environ.get("BACKLINE_CLUSTER_SECONDS", "0.2")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 60:
        raise UsageError(f"BACKLINE_CLUSTER_SECONDS must be from 0 to 60 seconds, not {text!r}")
    return seconds


@dataclass(frozen=True, slots=True)
class Config:
    """One daemon's settings, resolved once; port 0 lets the system choose a free one.

    `engines` are the rows of those that can be asked for, the default first. `splitter_factory`
    is "module:function" and takes a splitter's name (None: the default one).
    Raises UsageError for a port outside 0..65535.
    """

    home: Path = field(default_factory=default_home)
    osc_port: int = OSC_PORT
    engines: tuple[EngineSpec, ...] = ENGINES
    splitter_factory: str = "stems.splitting.splitters:open_splitter"
    warm_engine: str = DEFAULT_ENGINE  # loaded before the first request asks for it; "" for none
    cancel_grace_seconds: float = 5.0  # then the worker is killed
    max_queued_jobs: int = 64
    # How long a job of an engine that batches waits for others of equal shape.
    cluster_seconds: float = field(default_factory=_cluster_seconds)

    def __post_init__(self) -> None:
        if not 0 <= self.osc_port <= 65_535:
            raise UsageError(f"osc-port must be from 0 to 65535, not {self.osc_port}")

    @property
    def batching_engines(self) -> frozenset[str]:
        """Names of the engines that play jobs of equal shape in one batch."""
        return frozenset(spec.name for spec in self.engines if spec.batches)

    @property
    def jobs_folder(self) -> Path:
        """Where results go, one folder a job."""
        return self.home / "jobs"

    @property
    def spool_folder(self) -> Path:
        """Where clients without a socket leave requests and find answers."""
        return self.home / "spool"

    @property
    def log_folder(self) -> Path:
        """Where the daemon, its worker and unexpected errors write."""
        return self.home / "log"

    def make_folders(self) -> None:
        """Create the home; raises UsageError when that cannot be."""
        try:
            self.jobs_folder.mkdir(parents=True, exist_ok=True)
            self.log_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"home {str(self.home)!r} cannot be made or written to: {reason}"
            ) from error
