"""What is being played: a worker process plays one job at a time, and is replaced when it fails."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from daemon.config import Config
from daemon.jobs import Job
from daemon.lifecycle import WorkerLife
from daemon.worker import Worker
from daemon.worker_messages import Alive, Cancel, Ended, Exited, Play, Progressed, Ready, Report

log = logging.getLogger("backline.queue")

# How long the worker may take to end by itself: a job is kept, and played again from its start.
IDLE_STOP_SECONDS, BUSY_STOP_SECONDS = 1.0, 2.5


@dataclass(slots=True)
class Running:
    """The job that is being played; `killer` is set once it is being cancelled."""

    job: Job
    stage: str = "load"
    fraction: float = 0.0
    killer: threading.Timer | None = None
    stood_still: str = ""  # what the watchdog has killed its worker for
    quiet_since: float = field(default_factory=time.monotonic)  # no progress since then


class Audience(Protocol):
    """Who is told of what is played; called with the lock held."""

    def progressed(self, running: Running) -> None:
        """The job that runs goes on."""

    def ended(self, running: Running, end: Ended) -> None:
        """The worker says how the job that runs has ended; release() it."""

    def lost(self, running: Running, exit_status: int | None) -> None:
        """The worker has ended while this job ran; release() it."""

    def free(self) -> None:
        """The worker has been replaced: the next job may begin."""


class Playing:
    """One worker and the job it plays, which is `running` from take() to release().

    `lock` is held by all who call, but for stop() and kill(), and while the audience is told.
    """

    def __init__(self, config: Config, lock: AbstractContextManager[bool], audience: Audience):
        self._config, self._lock, self._audience = config, lock, audience
        self._worker: Worker | None = None
        self._is_stopping = False
        self.life = WorkerLife.ABSENT
        self.engine = ""  # which one the worker has loaded
        self.running: Running | None = None

    def start(self) -> Worker:
        """Start a worker, so that it is there when a job comes."""
        self.life, self.engine = WorkerLife.LOADING, ""
        self._worker = Worker(self._config, self._take)
        return self._worker

    def take(self, job: Job) -> None:
        """Make a job the one that runs; play() then has it begin."""
        if self._worker is None:
            self.start()
        self.running = Running(job)

    def play(self, order: Play) -> None:
        """Have the worker begin with the job that was taken."""
        if self._worker is not None:
            self._worker.send(order)

    def release(self, number: int) -> None:
        """Have job `number` run no more, if it does."""
        if self.running is not None and self.running.job.number == number:
            if self.running.killer:
                self.running.killer.cancel()
            self.running = None

    def cancel(self) -> None:
        """Have the job that runs end, and the worker killed where it takes too long."""
        running = self.running
        if running is None or running.killer or self._worker is None:
            return
        number = running.job.number
        self._worker.send(Cancel(number))
        running.killer = threading.Timer(
            self._config.cancel_grace_seconds, self._kill_for, (number,)
        )
        running.killer.daemon = True
        running.killer.start()

    def watch(self) -> None:
        """Kill a worker that stands still; it is then replaced."""
        worker, running, config = self._worker, self.running, self._config
        if worker is None or self._is_stopping:
            return
        silent_seconds = worker.watch()
        still_seconds = time.monotonic() - running.quiet_since if running else 0.0
        if silent_seconds >= config.worker_silence_seconds:
            reason = f"no sign of life for {silent_seconds:.0f} s"
        elif still_seconds >= config.worker_stall_seconds:
            reason = f"no progress for {still_seconds:.0f} s"
        else:
            return
        log.warning("the worker stands still (%s) and is replaced", reason)
        if running is not None:
            running.stood_still = reason
        worker.kill()

    def stop(self) -> None:
        """End the worker, which has some time for it; the job that ran stays `running`."""
        with self._lock:
            self._is_stopping = True
            worker, running = self._worker, self.running
            if running and running.killer:
                running.killer.cancel()
        if worker is not None:
            most = BUSY_STOP_SECONDS if running else IDLE_STOP_SECONDS
            worker.stop(min(self._config.cancel_grace_seconds, most))
        with self._lock:
            self._worker, self.life = None, WorkerLife.ABSENT

    def kill(self) -> None:
        """End the worker at once."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def _kill_for(self, number: int) -> None:
        """The cancel of last resort: the worker has not answered in time."""
        with self._lock:
            running = self.running
            if running and running.killer and running.job.number == number:
                self.kill()

    def _take(self, worker: Worker, report: Report) -> None:
        """Act on one report of the worker; called from the worker's reader thread."""
        with self._lock:
            running = self.running
            match report:
                case Alive():
                    pass  # Worker keeps when it was heard
                case Exited(exit_status):
                    self._lose(worker, exit_status)
                case Ready(engine):
                    self.life, self.engine = WorkerLife.READY, engine
                case Progressed(number, stage, fraction):
                    if running and running.job.number == number:
                        if (stage, fraction) != (running.stage, running.fraction):
                            running.quiet_since = time.monotonic()
                        running.stage, running.fraction = stage, fraction
                        self._audience.progressed(running)
                case Ended(number):
                    if running and running.job.number == number:
                        self._audience.ended(running, report)

    def _lose(self, worker: Worker, exit_status: int | None) -> None:
        """The worker's process has ended: have its job settled, and a new one ready."""
        if self._is_stopping or worker is not self._worker:
            return
        self._worker = None
        running, next_life = self.running, self.life.after_its_end
        self.life = WorkerLife.ABSENT
        if running is not None:
            self._audience.lost(running, exit_status)
        log.warning("the worker ended (%s)", exit_status)
        if next_life is WorkerLife.LOADING:
            self.start()
        self._audience.free()


def last_sentence(exit_status: int | None) -> str:
    """Say of what a worker has died."""
    how = f"exit status {exit_status}"
    if exit_status is not None and exit_status < 0:
        how = f"signal {-exit_status}"
        if exit_status == -9:
            how += ", often the system being out of memory"
    return f"the worker process died while playing this job ({how}); send it again"
