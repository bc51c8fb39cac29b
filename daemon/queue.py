"""The queue: accepts jobs, has the worker play them one at a time, publishes what happens."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.batch_wait import BatchWait
from daemon.config import Config
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal import Journal
from daemon.lifecycle import QueueLife, ServiceState, WorkerLife, service_state
from daemon.worker import Worker
from daemon.worker_messages import Cancel, Ended, Exited, Play, Progressed, Ready, Report
from osc_protocol.errors import Code, ProtocolError

log = logging.getLogger("backline.queue")

# How long the worker may take to end by itself: a job is kept, and played again from its start.
IDLE_STOP_SECONDS, BUSY_STOP_SECONDS = 1.0, 2.5
MAX_ATTEMPTS = 2  # a job that twice took the whole daemon with it is not tried again


@dataclass(slots=True)
class _Running:
    """The job that is being played; `killer` is set once it is being cancelled."""

    job: Job
    stage: str = "load"
    fraction: float = 0.0
    killer: threading.Timer | None = None


class JobQueue:
    """The jobs of one daemon; every method may be called from any thread.

    Each of `listeners` gets each event, in order of its number. Jobs run in the order they were
    accepted. A job that ran when the daemon was killed runs once more from the start when the
    daemon is back; a second time it fails with a sentence. A job that a clean stop interrupts
    goes back to the front of the queue and this does not count as an attempt.
    """

    def __init__(self, config: Config, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self.listeners: list[Callable[[Event], None]] = []
        self._lock = threading.RLock()
        self._life = QueueLife.OPEN
        self._when_drained: Callable[[], None] = lambda: None
        self._worker: Worker | None = None
        self._worker_life = WorkerLife.ABSENT
        self.engine = ""  # which engine the worker has loaded
        self._running: _Running | None = None
        self._batch_wait = BatchWait(config, self._end_batch_wait)

    def start(self) -> None:
        """Take up what an earlier daemon left and start the worker."""
        with self._lock:
            for job in self._journal.in_state(JobState.RUNNING):
                self._sweep(job)
                if job.attempts < MAX_ATTEMPTS:
                    self._journal.requeue(job.number, keep_attempt=True)
                    log.info("job %d was running when the daemon died; it runs again", job.number)
                else:
                    died = f"the daemon died {job.attempts} times while this job ran"
                    message = f"{died}; it is not tried again"
                    self._end(job, JobState.FAILED, Code.INTERNAL, message)
            self._start_worker()
            self._start_next()

    def submit(
        self,
        owner: str,
        rid: str,
        digest: str,
        request: Mapping[str, object],
        acknowledge: Callable[[Job, int, bool], None],
    ) -> None:
        """Accept a request durably, or find the job it already became.

        `acknowledge` gets the job, its place in the queue (0: next or running) and whether it was
        known before; it is called before any event of the job is published. Raises ProtocolError
        when the id belongs to another request, the queue is full or the daemon is stopping.
        """
        with self._lock:
            known = self._journal.find_rid(owner, rid)
            if known is not None:
                if known.digest != digest:
                    taken = f"rid {rid} is already job {known.number} with other parameters"
                    raise ProtocolError(Code.RID_CONFLICT, taken, "rid")
                acknowledge(known, self.position(known), True)
                return
            if self._life is not QueueLife.OPEN:
                raise ProtocolError(Code.SHUTTING_DOWN, "the daemon is stopping")
            waiting = self._journal.count(JobState.QUEUED)
            if waiting >= self._config.max_queued_jobs:
                full = f"{waiting} jobs are waiting, which is the limit"
                raise ProtocolError(Code.QUEUE_FULL, full)
            position = waiting + (self._running is not None)
            event = self._journal.add(owner, rid, digest, request, position)
            acknowledge(event.job, position, False)
            self._publish(event)
            self._start_next()

    def cancel(self, number: int) -> str:
        """Cancel a job; returns cancelled, cancelling or already-<final state>.

        Raises ProtocolError for a job there is not.
        """
        with self._lock:
            job = self._journal.find(number)
            if job is None:
                raise ProtocolError(Code.NOT_FOUND, f"there is no job {number}", "target")
            if job.state.is_final:
                return f"already-{job.state}"
            if job.state is JobState.QUEUED:
                self._end(job, JobState.CANCELLED)
                return "cancelled"
            self._cancel_running()
            return "cancelling"

    def position(self, job: Job) -> int:
        """How many jobs run or wait before this one; 0 for one that does not wait."""
        with self._lock:
            if job.state is not JobState.QUEUED:
                return 0
            before = self._journal.count(JobState.QUEUED, before=job.number)
            return before + (self._running is not None)

    def state(self) -> ServiceState:
        """Return how the whole service is."""
        with self._lock:
            return service_state(self._life, self._worker_life, self._running is not None)

    def folder(self, job: Job) -> Path:
        """Where the job's files are or will be."""
        return self._config.jobs_folder / str(job.number)

    @property
    def running(self) -> Job | None:
        """The job being played."""
        running = self._running
        return running.job if running else None

    @property
    def is_calm(self) -> bool:
        """Whether no job runs or waits."""
        return self._running is None and not self._journal.count(JobState.QUEUED)

    @property
    def progress(self) -> tuple[str, float]:
        """Stage and fraction of the job being played."""
        running = self._running
        return (running.stage, running.fraction) if running else ("", 0.0)

    def drain(self, when_drained: Callable[[], None]) -> None:
        """Take no new jobs and call `when_drained` once all that were accepted have ended."""
        with self._lock:
            self._life = self._life.followed_by(QueueLife.DRAINING)
            self._when_drained = when_drained
            self._start_next()

    def stop(self) -> None:
        """Stop the worker; an interrupted job goes back to the queue for the next daemon."""
        with self._lock:
            self._life = self._life.followed_by(QueueLife.STOPPING)
            worker = self._worker
            self._batch_wait.end()
            if self._running and self._running.killer:
                self._running.killer.cancel()
        if worker is not None:
            most = BUSY_STOP_SECONDS if self._running else IDLE_STOP_SECONDS
            worker.stop(min(self._config.cancel_grace_seconds, most))
        with self._lock:
            self._worker, self._worker_life = None, WorkerLife.ABSENT
            if self._running is not None:
                job = self._running.job
                if self._running.killer:
                    self._end(job, JobState.CANCELLED)
                else:
                    self._sweep(job)
                    self._journal.requeue(job.number, keep_attempt=False)
                self._running = None

    def kill(self) -> None:
        """End the worker at once, for a stop that must not wait."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def _publish(self, event: Event) -> None:
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # a listener that fails must not stop the jobs
                log.exception("%s of job %d was not delivered", event.kind, event.job.number)

    def _start_worker(self) -> Worker:
        self._worker_life, self.engine = WorkerLife.LOADING, ""
        self._worker = Worker(self._config, self._take)
        return self._worker

    def _start_next(self, waited: int = 0) -> None:
        """Start the next job, if none runs; job `waited` need not wait for a batch any more."""
        if self._life is QueueLife.STOPPING or self._running is not None:
            return
        waiting = self._journal.in_state(JobState.QUEUED)
        if not waiting:
            if self._life is QueueLife.DRAINING:
                self._when_drained()
            return
        others = self._batch_wait.others(waiting)
        if waiting[0].number != waited and self._batch_wait.holds(waiting[0], others):
            return
        worker = self._worker or self._start_worker()
        event = self._journal.start(waiting[0].number)
        job = event.job
        self._running = _Running(job)
        self._publish(event)
        worker.send(Play(job.number, dict(job.request), str(self.folder(job)), others))

    def _end_batch_wait(self, number: int) -> None:
        with self._lock:
            self._batch_wait.end()
            self._start_next(waited=number)

    def _cancel_running(self) -> None:
        running = self._running
        if running is None or running.killer or self._worker is None:
            return
        number = running.job.number
        self._worker.send(Cancel(number))
        running.killer = threading.Timer(
            self._config.cancel_grace_seconds, self._kill_for, (number,)
        )
        running.killer.daemon = True
        running.killer.start()

    def _kill_for(self, number: int) -> None:
        """The cancel of last resort: the worker has not answered in time."""
        with self._lock:
            running = self._running
            if running and running.killer and running.job.number == number:
                self.kill()

    def _take(self, worker: Worker, report: Report) -> None:
        """Act on one report of the worker; called from the worker's reader thread."""
        with self._lock:
            running = self._running
            match report:
                case Exited(exit_status):
                    self._lose(worker, exit_status)
                case Ready(engine):
                    self._worker_life, self.engine = WorkerLife.READY, engine
                case Progressed(number, stage, fraction):
                    if running and running.job.number == number:
                        running.stage, running.fraction = stage, fraction
                        details = {"stage": stage, "fraction": fraction}
                        seq = self._journal.head_seq
                        self._publish(Event(seq, EventKind.PROGRESS, running.job, details))
                case Ended(number, state, code, message, stems):
                    if running is None or running.job.number != number:
                        return
                    interrupted = self._life is QueueLife.STOPPING and not running.killer
                    if state is JobState.CANCELLED and interrupted:
                        return  # stop() puts the job back
                    self._end(running.job, state, code, message, stems)
                    self._start_next()

    def _lose(self, worker: Worker, exit_status: int | None) -> None:
        """The worker's process has ended: settle its job and have a new one ready."""
        if self._life is QueueLife.STOPPING or worker is not self._worker:
            return
        self._worker = None
        running, next_life = self._running, self._worker_life.after_its_end
        self._worker_life = WorkerLife.ABSENT
        if running is not None:
            self._sweep(running.job)
            if running.killer:
                self._end(running.job, JobState.CANCELLED)
            else:
                message = _last_sentence(exit_status)
                self._end(running.job, JobState.FAILED, Code.INTERNAL, message)
        log.warning("the worker ended (%s)", exit_status)
        if next_life is WorkerLife.LOADING:
            self._start_worker()
        self._start_next()

    def _end(
        self,
        job: Job,
        state: JobState,
        code: int = 0,
        message: str = "",
        stems: Sequence[Mapping[str, object]] = (),
    ) -> None:
        running = self._running
        if running is not None and running.job.number == job.number:
            self._running = None
            if running.killer:
                running.killer.cancel()
        events = self._journal.finish(
            job.number, state, error_code=code, message=message, stems=stems
        )
        for event in events:
            self._publish(event)

    def _sweep(self, job: Job) -> None:
        """Remove what a killed worker had half written of a job that is not done."""
        shutil.rmtree(self.folder(job), ignore_errors=True)


def _last_sentence(exit_status: int | None) -> str:
    how = f"exit status {exit_status}"
    if exit_status is not None and exit_status < 0:
        how = f"signal {-exit_status}"
        if exit_status == -9:
            how += ", often the system being out of memory"
    return f"the worker process died while playing this job ({how}); send it again"
