"""The queue: accepts jobs, has the worker play them one at a time, publishes what happens."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from daemon.batch_wait import BatchWait
from daemon.config import Config
from daemon.disk_reserve import DiskReserve
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal import Journal
from daemon.journal_file import is_locked
from daemon.lifecycle import QueueLife, ServiceState, WorkerLife, service_state
from daemon.turns import Turns, Waiting
from daemon.worker import Worker
from daemon.worker_messages import Alive, Cancel, Ended, Exited, Play, Progressed, Ready, Report
from osc_protocol.errors import Code, ProtocolError

log = logging.getLogger("backline.queue")

# How long the worker may take to end by itself: a job is kept, and played again from its start.
IDLE_STOP_SECONDS, BUSY_STOP_SECONDS = 1.0, 2.5
MAX_ATTEMPTS = 2  # a job that twice took the whole daemon with it is not tried again
BYTES_A_SECOND = 2 * 48_000 * 2 * 4 * 5  # of music: four stems and the mix, twice
RETRY_SECONDS = 1.0  # between two tries to write what must be written


@dataclass(slots=True)
class _Running:
    """The job that is being played; `killer` is set once it is being cancelled."""

    job: Job
    stage: str = "load"
    fraction: float = 0.0
    killer: threading.Timer | None = None
    stood_still: str = ""  # what the watchdog has killed its worker for
    quiet_since: float = field(default_factory=time.monotonic)  # no progress since then


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a job ended, while it is not on disk yet."""

    job: Job
    state: JobState
    code: int
    message: str
    stems: Sequence[Mapping[str, object]]


class JobQueue:
    """The jobs of one daemon; every method may be called from any thread.

    Each of `listeners` gets each event, in order of its number. Jobs run in their Turns. A job that
    ran when the daemon was killed runs once more from the start when the daemon is back, and one
    whose worker stood still when that is replaced; a second time it fails with a sentence. A job
    that a clean stop interrupts goes back to the queue and this does not count as an attempt.

    How a job ended is tried to be written until it is on disk; nobody is told, and no other job
    begins, before.
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
        self._turns = Turns()
        self._paused = bool(journal.fact("paused"))
        self._paces = journal.paces()
        self._endings: list[_Ending] = []
        self._retry: threading.Timer | None = None
        self._reserve = DiskReserve(config.home / "reserve")

    def start(self) -> None:
        """Take up what an earlier daemon left and start the worker."""
        self._reserve.hold()
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
        acknowledge: Callable[[Job, int, float, bool], None],
        *,
        source: str = "",
        priority: int = 0,
        music_seconds: float = 0.0,
    ) -> None:
        """Accept a request durably, or find the job it already became.

        `acknowledge` gets the job, its place in the queue (0: next or running), in how many seconds
        it will be done (-1 where unknown) and whether it was known before; it is called before any
        event of the job is published. Raises ProtocolError when the id belongs to another request,
        the queue or the disk is full or the daemon is stopping.
        """
        with self._lock:
            known = self._journal.find_rid(owner, rid)
            if known is not None and known.digest != digest:
                taken = f"rid {rid} is already job {known.number} with other parameters"
                raise ProtocolError(Code.RID_CONFLICT, taken, "rid")
            known = known or self._journal.find_from(source, rid, digest)
            if known is not None:
                acknowledge(known, self.position(known), self.eta_seconds(known), True)
                return
            if self._life is not QueueLife.OPEN:
                raise ProtocolError(Code.SHUTTING_DOWN, "the daemon is stopping")
            waiting = self._journal.waiting()
            if len(waiting) >= self._config.max_queued_jobs:
                full = f"{len(waiting)} jobs are waiting, which is the limit"
                raise ProtocolError(Code.QUEUE_FULL, full)
            self._check_disk(music_seconds)
            made_with = request.get("engine") or request.get("model") or ""
            pace = f"{request.get('kind') or ''}:{made_with}"
            new = Waiting(1 << 62, owner, priority, pace, music_seconds)
            order = self._turns.ordered([*waiting, new])
            position = order.index(new) + (self._running is not None)
            event = self._journal.add(
                owner, rid, digest, request, position, source=source, priority=priority,
                music_seconds=music_seconds, pace=pace,
            )  # fmt: skip
            acknowledge(event.job, position, self._seconds_until(new.number, order), False)
            self._publish(event)
            self._start_next()

    def eta_seconds(self, job: Job) -> float:
        """Return when a job will be done, by what earlier ones took here; -1 where unknown."""
        with self._lock:
            if job.state.is_final:
                return 0.0
            return self._seconds_until(job.number, self._turns.ordered(self._journal.waiting()))

    def _seconds_until(self, number: int, order: Sequence[Waiting]) -> float:
        """Return when a job that runs, or is in `order`, will be done; -1 where unknown."""
        running, ahead = self._running, 0.0
        if running is not None:
            whole = self._seconds(running.job.pace, running.job.music_seconds)
            ahead = whole * (1.0 - running.fraction) if whole >= 0 else -1.0
            if running.job.number == number:
                return ahead
        for each in order:
            seconds = self._seconds(each.pace, each.music_seconds)
            if ahead < 0 or seconds < 0:
                return -1.0
            ahead += seconds
            if each.number == number:
                return ahead
        return -1.0

    def pause(self, paused: bool) -> None:
        """Start no more jobs, or go on; a job that runs is not touched. It outlives the daemon."""
        with self._lock:
            self._journal.keep_fact("paused", int(paused))
            self._paused = paused
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
                for event in self._journal.finish(number, JobState.CANCELLED):
                    self._publish(event)
                return "cancelled"
            self._cancel_running()
            return "cancelling"

    def position(self, job: Job) -> int:
        """How many jobs run or wait before this one; 0 for one that does not wait."""
        with self._lock:
            if job.state is not JobState.QUEUED:
                return 0
            order = [each.number for each in self._turns.ordered(self._journal.waiting())]
            return order.index(job.number) + (self._running is not None)

    def state(self) -> ServiceState:
        """Return how the whole service is."""
        with self._lock:
            is_playing = self._running is not None
            return service_state(self._life, self._worker_life, is_playing, self._paused)

    def folder(self, job: Job) -> Path:
        """Where the job's files are or will be."""
        return self._config.jobs_folder / str(job.number)

    def is_gone(self, job: Job) -> bool:
        """Say whether a job is done and its results are not there any more."""
        return job.state is JobState.DONE and not self.folder(job).is_dir()

    def stems(self, job: Job) -> list[Event]:
        """Return the events of those of a job's files that are there."""
        events = self._journal.stems(job.number)
        return [event for event in events if os.path.isfile(str(event.details.get("path", "")))]

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
        """Take no new jobs and call `when_drained` once all that were accepted have ended.

        While the queue is paused those that wait are left to the next daemon.
        """
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
                    self._requeue(job, keep_attempt=False)
                self._running = None
            self._settle()
            if self._retry is not None:
                self._retry.cancel()
            for ending in self._endings:
                log.error("job %d is %s, and this is not on disk", ending.job.number, ending.state)

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
        if self._life is QueueLife.STOPPING or self._running is not None or not self._settle():
            return
        numbers = [each.number for each in self._turns.ordered(self._journal.waiting())]
        if self._paused or not numbers:
            if self._life is QueueLife.DRAINING:
                self._when_drained()
            return
        by_number = {job.number: job for job in self._journal.in_state(JobState.QUEUED)}
        waiting = [by_number[number] for number in numbers]
        others = self._batch_wait.others(waiting)
        if waiting[0].number != waited and self._batch_wait.holds(waiting[0], others):
            return
        try:
            event = self._journal.start(waiting[0].number)
        except sqlite3.Error as error:
            self._retry_later(error)
            return
        worker = self._worker or self._start_worker()
        job = event.job
        self._turns.take(job.owner)
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
                case Alive():
                    pass  # Worker keeps when it was heard
                case Exited(exit_status):
                    self._lose(worker, exit_status)
                case Ready(engine):
                    self._worker_life, self.engine = WorkerLife.READY, engine
                case Progressed(number, stage, fraction):
                    if running and running.job.number == number:
                        if (stage, fraction) != (running.stage, running.fraction):
                            running.quiet_since = time.monotonic()
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
            self._settle_lost(running, exit_status)
        log.warning("the worker ended (%s)", exit_status)
        if next_life is WorkerLife.LOADING:
            self._start_worker()
        self._start_next()

    def _settle_lost(self, running: _Running, exit_status: int | None) -> None:
        """Decide what becomes of the job whose worker has ended."""
        job, code = running.job, Code.INTERNAL
        self._sweep(job)
        if running.killer:
            self._end(job, JobState.CANCELLED)
            return
        message = _last_sentence(exit_status)
        if running.stood_still:
            if job.attempts < MAX_ATTEMPTS and self._requeue(job, keep_attempt=True):
                self._running = None
                return
            times = f"{job.attempts} times" if job.attempts > 1 else "once"
            code = Code.TIMEOUT
            message = f"the worker stood still {times} while playing this job; it was stopped"
        self._end(job, JobState.FAILED, code, message)

    def watch(self) -> None:
        """Replace a worker that stands still; called every few seconds."""
        if not self._lock.acquire(blocking=False):  # whoever has it is at work
            return
        try:
            if not self._endings:
                self._reserve.hold()
            worker, running, config = self._worker, self._running, self._config
            if worker is None or self._life is QueueLife.STOPPING:
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
        finally:
            self._lock.release()

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
        self._endings.append(_Ending(job, state, code, message, stems))
        self._settle()

    def _settle(self) -> bool:
        """Write and publish how jobs have ended; False while the journal cannot be written."""
        while self._endings:
            ending = self._endings[0]
            try:
                events = self._journal.finish(
                    ending.job.number, ending.state, error_code=ending.code,
                    message=ending.message, stems=ending.stems,
                )  # fmt: skip
            except sqlite3.Error as error:
                if not is_locked(error) and self._reserve.release():
                    continue
                self._retry_later(error)
                return False
            self._endings.pop(0)
            for event in events:
                self._publish(event)
            self._learn(events[-1].job)
        return True

    def _retry_later(self, error: sqlite3.Error) -> None:
        """Have what could not be written tried again, as long as it takes."""
        if self._retry is None:
            log.error("the journal cannot be written (%s); trying again until it can", error)
        elif self._retry.is_alive() and threading.current_thread() is not self._retry:
            return
        self._retry = threading.Timer(RETRY_SECONDS, self._try_again)
        self._retry.daemon = True
        self._retry.start()

    def _try_again(self) -> None:
        with self._lock:
            if self._life is QueueLife.STOPPING:
                return
            retry = self._retry
            self._start_next()
            if self._retry is retry:
                self._retry = None

    def _requeue(self, job: Job, *, keep_attempt: bool) -> bool:
        try:
            self._journal.requeue(job.number, keep_attempt=keep_attempt)
        except sqlite3.Error:  # it still counts as running, and the next daemon takes it up
            log.exception("job %d could not be put back", job.number)
            return False
        return True

    def _learn(self, job: Job) -> None:
        """Remember how long this job took, for the estimates of the next ones."""
        if job.state is not JobState.DONE or not job.music_seconds or not job.elapsed_seconds:
            return
        with suppress(sqlite3.Error):
            self._journal.learn_pace(job.pace, job.elapsed_seconds, job.music_seconds)
            self._paces = self._journal.paces()

    def _seconds(self, pace: str, music_seconds: float) -> float:
        known = self._paces.get(pace, 0.0)
        return known * music_seconds if known and music_seconds else -1.0

    def _check_disk(self, music_seconds: float) -> None:
        """Refuse a job for which there is no room; raises ProtocolError."""
        needed = self._config.disk_reserve_bytes + int(music_seconds * BYTES_A_SECOND)
        try:
            free = shutil.disk_usage(self._config.jobs_folder).free
        except OSError:  # playing it will say what is wrong with the folder
            return
        if free < needed:
            sentence = f"{free >> 20} MiB are free on the disk, and {needed >> 20} MiB are needed"
            raise ProtocolError(Code.DISK_FULL, f"{sentence}; make room and send it again")

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
