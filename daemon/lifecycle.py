"""The states of the queue, of its worker and of the whole service, and what follows what."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum


class QueueLife(IntEnum):
    """What the queue still does; it only ever goes forward."""

    OPEN = 0  # takes requests and plays them
    DRAINING = 1  # takes none, and plays those it has accepted
    STOPPING = 2  # starts no more jobs

    def followed_by(self, life: QueueLife) -> QueueLife:
        """Return `life`, or this one where `life` is an earlier one."""
        return max(self, life)


class WorkerLife(Enum):
    """absent -> loading (it was started) -> ready (it takes orders) -> absent (it ended)."""

    ABSENT = "absent"
    LOADING = "loading"
    READY = "ready"

    @property
    def after_its_end(self) -> WorkerLife:
        """Return what the next worker is: one that never got ready would only fail again."""
        return WorkerLife.LOADING if self is WorkerLife.READY else WorkerLife.ABSENT


class ServiceState(StrEnum):
    """How the daemon is, as clients see it."""

    IDLE = "idle"
    LOADING = "loading"
    BUSY = "busy"
    DRAINING = "draining"
    PAUSED = "paused"
    DEGRADED = "degraded"  # no worker: one is started when a job comes


def service_state(
    queue: QueueLife, worker: WorkerLife, is_playing: bool, is_paused: bool = False
) -> ServiceState:
    """Return the state of a service with such a queue and worker."""
    if queue is QueueLife.DRAINING:
        return ServiceState.DRAINING
    if is_playing:
        return ServiceState.BUSY
    if is_paused:
        return ServiceState.PAUSED
    return {
        WorkerLife.ABSENT: ServiceState.DEGRADED,
        WorkerLife.LOADING: ServiceState.LOADING,
        WorkerLife.READY: ServiceState.IDLE,
    }[worker]
