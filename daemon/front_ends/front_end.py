"""What every front end is, what it is given, and which there are.

A front end is one module and one entry of FRONT_ENDS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from daemon.config import Config
from daemon.journal import Journal
from daemon.queue import JobQueue

# Opened in this order, each as "module:class".
FRONT_ENDS: tuple[str, ...] = (
    "daemon.front_ends.osc:OscFrontEnd",
    "daemon.front_ends.tcp:TcpFrontEnd",
    "daemon.front_ends.spool:SpoolFrontEnd",
    "daemon.front_ends.http.front_end:HttpFrontEnd",
)


@dataclass(frozen=True, slots=True)
class Service:
    """What front ends give access to.

    `quit` is called with "now" or "drain" when a client asks the daemon to stop. `ports` holds the
    port each open front end listens on, by its name.
    """

    config: Config
    journal: Journal
    queue: JobQueue
    quit: Callable[[str], None]
    ports: dict[str, int] = field(default_factory=dict)


def http_url(config: Config, port: int | None) -> str:
    """Return where this machine's programs find HTTP, "" where it is off."""
    scheme = "https" if config.tls_cert else "http"
    return f"{scheme}://127.0.0.1:{port}" if port is not None else ""


class FrontEnd(Protocol):
    """One way in for clients, made with a Service, from open() to close()."""

    def open(self) -> None:
        """Take port or folders, so that nothing can fail later; raises DaemonError."""

    def start(self) -> None:
        """Begin to answer, and to send the queue's events."""

    def heartbeat(self) -> None:
        """Show clients that the daemon lives; called every two seconds."""

    def close(self, reason: str) -> None:
        """Send goodbyes and give back what open() took."""
