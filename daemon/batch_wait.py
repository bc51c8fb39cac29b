"""How long a job waits for others that its engine can play in the same batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice

from daemon.config import Config
from daemon.jobs import Job

MAX_OTHERS = 7  # jobs behind the next one that the worker may play in its batch


class BatchWait:
    """Holds a job of an engine that plays batches back for `cluster_seconds` after it came.

    `over` is called with its number when it has waited, from another thread. The methods are for
    one thread at a time.
    """

    def __init__(self, config: Config, over: Callable[[int], None]) -> None:
        self._engines, self._seconds = config.batching_engines, config.cluster_seconds
        self._over = over
        self._timer: threading.Timer | None = None

    def others(self, waiting: Sequence[Job]) -> list[dict[str, object]]:
        """Return requests behind the first of `waiting` for the same engine, if it batches."""
        engine = self._engine(waiting[0])
        if not engine:
            return []
        alike = (dict(job.request) for job in waiting[1:] if self._engine(job) == engine)
        return list(islice(alike, MAX_OTHERS))

    def holds(self, job: Job, others: Sequence[object]) -> bool:
        """Say whether `job`, with so many `others` to play with it, has to wait."""
        if not self._engine(job) or len(others) >= MAX_OTHERS:
            return False
        left = job.created_seconds + self._seconds - time.time()
        if left <= 0:
            return False
        if self._timer is None:
            # The clock may be set meanwhile, but not so that a job waits longer than it may.
            self._timer = threading.Timer(min(left, self._seconds), self._over, (job.number,))
            self._timer.daemon = True
            self._timer.start()
        return True

    def _engine(self, job: Job) -> str:
        """The engine that plays a job in batches, or "": one with a kind plays nothing."""
        engine = str(job.request.get("engine", ""))
        return engine if engine in self._engines and not job.request.get("kind") else ""

    def end(self) -> None:
        """Stop the clock; a job may be held again after it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
