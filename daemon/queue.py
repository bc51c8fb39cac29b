"""The queue: accepts jobs, has the worker play them one at a time, publishes what happens."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from daemon.batch_wait import BatchWait
from daemon.config import Config
from daemon.disk_reserve import DiskReserve
from daemon.disk_room import DiskRoom
from daemon.endings import Ending, Endings
from daemon.estimates import Estimates
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal import Journal
from daemon.lifecycle import QueueLife, ServiceState, service_state
from daemon.playing import Playing, Running, last_sentence
from daemon.turns import Turns, Waiting
from daemon.worker_messages import Ended, Play
from osc_protocol.errors import Code, ProtocolError

log = logging.getLogger("backline.queue")

MAX_ATTEMPTS = 2  # a job that twice took the whole daemon with it is not tried again


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
        self._playing = Playing(config, self._lock, self)
        self._batch_wait = BatchWait(config, self._end_batch_wait)
        self._turns = Turns()
        self._paused = bool(journal.fact("paused"))
        self._estimates = Estimates(journal)
        self._room = DiskRoom(config.jobs_folder, config.disk_reserve_bytes)
        reserve = DiskReserve(config.home / "reserve")
        self._endings = Endings(journal, reserve, self._tell_end, self._try_again)

    def start(self) -> None:
        """Take up what an earlier daemon left and start the worker."""
        self._endings.hold_reserve()
        with self._lock:
            for job in self._journal.in_state(JobState.RUNNING):
                self._sweep(job)
                if job.attempts < MAX_ATTEMPTS:
                    self._journal.requeue(job.number, keep_attempt=True)
                    log.info("job %d was running when the daemon died; it runs again", job.number)
                else:
                    died = f"the daemon died {job.attempts} times while this job ran"
                    message = f"{died}; it is not tried again"
                    self._end(Ending(job, JobState.FAILED, Code.INTERNAL, message))
            self._playing.start()
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
            known = self._journal.find_repeated(owner, rid, source, digest)
            if known is not None and known.digest != digest:
                taken = f"rid {rid} is already job {known.number} with other parameters"
                raise ProtocolError(Code.RID_CONFLICT, taken, "rid")
            if known is not None:
                acknowledge(known, self.position(known), self.eta_seconds(known), True)
                return
            if self._life is not QueueLife.OPEN:
                raise ProtocolError(Code.SHUTTING_DOWN, "the daemon is stopping")
            waiting = self._journal.waiting()
            if len(waiting) >= self._config.max_queued_jobs:
                full = f"{len(waiting)} jobs are waiting, which is the limit"
                raise ProtocolError(Code.QUEUE_FULL, full)
            self._room.check(music_seconds)
            made_with = request.get("engine") or request.get("model") or ""
            pace = f"{request.get('kind') or ''}:{made_with}"
            new = Waiting(1 << 62, owner, priority, pace, music_seconds)
            order = self._turns.ordered([*waiting, new])
            position = order.index(new) + (self.running is not None)
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
        return self._estimates.seconds_until(number, self.running, self.progress[1], order)

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
            self._playing.cancel()
            return "cancelling"

    def position(self, job: Job) -> int:
        """How many jobs run or wait before this one; 0 for one that does not wait."""
        with self._lock:
            if job.state is not JobState.QUEUED:
                return 0
            order = [each.number for each in self._turns.ordered(self._journal.waiting())]
            return order.index(job.number) + (self.running is not None)

    def state(self) -> ServiceState:
        """Return how the whole service is."""
        with self._lock:
            is_playing = self.running is not None
            return service_state(self._life, self._playing.life, is_playing, self._paused)

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
        running = self._playing.running
        return running.job if running else None

    @property
    def engine(self) -> str:
        """Which engine the worker has loaded, "" before."""
        return self._playing.engine

    @property
    def is_calm(self) -> bool:
        """Whether no job runs or waits."""
        return self.running is None and not self._journal.count(JobState.QUEUED)

    @property
    def progress(self) -> tuple[str, float]:
        """Stage and fraction of the job being played."""
        running = self._playing.running
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
            self._batch_wait.end()
        self._playing.stop()
        with self._lock:
            running = self._playing.running
            if running is not None and running.killer:
                self._end(Ending(running.job, JobState.CANCELLED))
            elif running is not None:
                self._put_back(running.job, keep_attempt=False)
            self._endings.close()

    def kill(self) -> None:
        """End the worker at once, for a stop that must not wait."""
        self._playing.kill()

    def _publish(self, event: Event) -> None:
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # a listener that fails must not stop the jobs
                log.exception("%s of job %d was not delivered", event.kind, event.job.number)

    def _start_next(self, waited: int = 0) -> None:
        """Start the next job, if none runs; job `waited` need not wait for a batch any more."""
        if self._life is QueueLife.STOPPING or self.running is not None:
            return
        if not self._endings.settle():
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
            self._endings.retry_later(error)
            return
        job = event.job
        self._playing.take(job)
        self._turns.take(job.owner)
        self._publish(event)
        self._playing.play(Play(job.number, dict(job.request), str(self.folder(job)), others))

    def _end_batch_wait(self, number: int) -> None:
        with self._lock:
            self._batch_wait.end()
            self._start_next(waited=number)

    def progressed(self, running: Running) -> None:
        """Tell how far the job that runs is; Playing calls this."""
        details = {"stage": running.stage, "fraction": running.fraction}
        seq = self._journal.head_seq
        self._publish(Event(seq, EventKind.PROGRESS, running.job, details))

    def ended(self, running: Running, end: Ended) -> None:
        """Keep how the worker says that its job ended; Playing calls this."""
        interrupted = self._life is QueueLife.STOPPING and not running.killer
        if end.state is JobState.CANCELLED and interrupted:
            return  # stop() puts the job back
        self._end(Ending(running.job, end.state, end.error_code, end.message, end.stems))
        self._start_next()

    def lost(self, running: Running, exit_status: int | None) -> None:
        """Decide what becomes of the job whose worker has ended; Playing calls this."""
        job, code = running.job, Code.INTERNAL
        self._sweep(job)
        if running.killer:
            self._end(Ending(job, JobState.CANCELLED))
            return
        message = last_sentence(exit_status)
        if running.stood_still:
            if job.attempts < MAX_ATTEMPTS and self._put_back(job, keep_attempt=True):
                return
            times = f"{job.attempts} times" if job.attempts > 1 else "once"
            code = Code.TIMEOUT
            message = f"the worker stood still {times} while playing this job; it was stopped"
        self._end(Ending(job, JobState.FAILED, code, message))

    def free(self) -> None:
        """Go on with the next job; Playing calls this."""
        self._start_next()

    def watch(self) -> None:
        """Replace a worker that stands still; called every few seconds."""
        if not self._lock.acquire(blocking=False):  # whoever has it is at work
            return
        try:
            self._endings.hold_reserve()
            self._playing.watch()
        finally:
            self._lock.release()

    def _end(self, ending: Ending) -> None:
        self._playing.release(ending.job.number)
        self._endings.add(ending)

    def _tell_end(self, events: Sequence[Event]) -> None:
        for event in events:
            self._publish(event)
        self._estimates.learn(events[-1].job)

    def _try_again(self) -> None:
        with self._lock:
            if self._life is not QueueLife.STOPPING:
                self._endings.again(self._start_next)

    def _put_back(self, job: Job, *, keep_attempt: bool) -> bool:
        """Have an interrupted job wait again; where that cannot be written it still runs there."""
        self._sweep(job)
        try:
            self._journal.requeue(job.number, keep_attempt=keep_attempt)
        except sqlite3.Error:  # it still counts as running, and the next daemon takes it up
            log.exception("job %d could not be put back", job.number)
            return False
        self._playing.release(job.number)
        return True

    def _sweep(self, job: Job) -> None:
        """Remove what a killed worker had half written of a job that is not done."""
        shutil.rmtree(self.folder(job), ignore_errors=True)
