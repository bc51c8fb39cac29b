"""How one daemon is set up: where it lives, which port it listens on, which engines it opens."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import UsageError
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

    `engine_factory` and `splitter_factory` are "module:function" and take an engine's or a
    splitter's name (None: the default one); a request can never set them.
    Raises UsageError for a port outside 0..65535.
    """

    home: Path = field(default_factory=default_home)
    osc_port: int = OSC_PORT
    engine_factory: str = "diffusion.engine:open_engine"
    splitter_factory: str = "stems.splitting.splitter:open_splitter"
    engines: tuple[str, ...] = ("embedded", "ace-step")
    warm_engine: str = "embedded"  # loaded before the first request asks for it; "" for none
    cancel_grace_seconds: float = 5.0  # then the worker is killed
    max_queued_jobs: int = 64
    batching_engines: tuple[str, ...] = ("ace-step",)  # play jobs of equal shape in one batch
    cluster_seconds: float = field(default_factory=_cluster_seconds)  # such a job waits for others

    def __post_init__(self) -> None:
        if not 0 <= self.osc_port <= 65_535:
            raise UsageError(f"osc-port must be from 0 to 65535, not {self.osc_port}")

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
