"""The queue: accepts jobs, has the worker play them one at a time, tells what happens to each."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

from daemon.config import Config
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal import Journal
from daemon.worker import Message, Worker
from osc_protocol.errors import Code, ProtocolError

log = logging.getLogger("backline.queue")

MAX_ATTEMPTS = 2  # a job that twice took the whole daemon with it is not tried again
MAX_COMPANY = 7  # jobs behind the running one that the worker may play along with it


class JobQueue:
    """The jobs of one daemon; every method may be called from any thread.

    Each of `listeners` gets each event, in order of its number. Jobs run in the order they were
    accepted. A job that ran when the daemon was killed runs once more from the start when the
    daemon is back; a second time it fails with a sentence. A job that a clean stop interrupts
    goes back to the front of the queue and this does not count as an attempt. A job of an engine
    that plays batches waits up to `cluster_seconds` for others to be played along with it.
    """

    def __init__(self, config: Config, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self.listeners: list[Callable[[Event], None]] = []
        self._lock = threading.RLock()
        self._worker: Worker | None = None
        self._is_ready = False  # the worker takes orders at once
        self.engine = ""  # which engine the worker holds loaded
        self._running: Job | None = None
        self._cancelling = False
        self._killer: threading.Timer | None = None
        self._gathering: threading.Timer | None = None
        self._stopping = False
        self._when_empty: Callable[[], None] | None = None
        self.progress: tuple[str, float] = ("", 0.0)  # of the running job

    def start(self) -> None:
        """Take up what an earlier daemon left and start the worker."""
        with self._lock:
            for job in self._journal.in_state(JobState.RUNNING):
                self._sweep(job)
                if job.attempts < MAX_ATTEMPTS:
                    self._journal.requeue(job.number, keep_attempt=True)
                    log.info("job %d was running when the daemon died; it runs again", job.number)
                else:
                    sentence = f"the daemon died {job.attempts} times while this job ran"
                    self._end(
                        job, JobState.FAILED, Code.INTERNAL, f"{sentence}; it is not tried again"
                    )
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
        when the id stands for another request, the queue is full or the daemon is stopping.
        """
        with self._lock:
            known = self._journal.find_rid(owner, rid)
            if known is not None:
                if known.digest != digest:
                    raise ProtocolError(
                        Code.RID_CONFLICT,
                        f"rid {rid} is already job {known.number} with other parameters",
                        "rid",
                    )
                acknowledge(known, self.position(known), True)
                return
            if self._stopping or self._when_empty is not None:
                raise ProtocolError(Code.SHUTTING_DOWN, "the daemon is stopping")
            waiting = self._journal.count(JobState.QUEUED)
            if waiting >= self._config.max_queued_jobs:
                raise ProtocolError(
                    Code.QUEUE_FULL, f"{waiting} jobs are waiting, which is the limit"
                )
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

    def state(self) -> str:
        """Say draining, busy, degraded (no worker), loading (it is not ready yet) or idle."""
        with self._lock:
            if self._when_empty is not None:
                return "draining"
            if self._running is not None:
                return "busy"
            if self._worker is None:
                return "degraded"
            return "idle" if self._is_ready else "loading"

    def folder(self, job: Job) -> Path:
        """Where the job's files are or will be."""
        return self._config.jobs_folder / str(job.number)

    @property
    def running(self) -> Job | None:
        """The job being played."""
        return self._running

    def drain(self, when_empty: Callable[[], None]) -> None:
        """Take no new jobs and call `when_empty` once all that were accepted have ended."""
        with self._lock:
            self._when_empty = when_empty
            self._start_next()

    def stop(self) -> None:
        """Stop the worker; an interrupted job goes back to the queue for the next daemon."""
        with self._lock:
            self._stopping = True
            worker = self._worker
            for timer in (self._killer, self._gathering):
                if timer is not None:
                    timer.cancel()
        if worker is not None:
            worker.stop(self._config.cancel_grace_seconds)
        with self._lock:
            self._worker = None
            if self._running is not None:
                if self._cancelling:
                    self._end(self._running, JobState.CANCELLED)
                else:
                    self._sweep(self._running)
                    self._journal.requeue(self._running.number, keep_attempt=False)
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
            except Exception:  # who cannot tell an event must not stop the jobs
                log.exception("%s of job %d was not told", event.kind, event.job.number)

    def _start_worker(self) -> None:
        self._is_ready, self.engine = False, ""
        self._worker = Worker(self._config, self._hear)

    def _start_next(self, gathered: int = 0) -> None:
        if self._stopping or self._running is not None:
            return
        waiting = self._journal.in_state(JobState.QUEUED)
        if not waiting:
            if self._when_empty is not None:
                self._when_empty()
            return
        company = self._company(waiting)
        if waiting[0].number != gathered and self._gathers(waiting[0], company):
            return
        if self._worker is None:
            self._start_worker()
        assert self._worker is not None
        event = self._journal.start(waiting[0].number)
        job = self._running = event.job
        self._cancelling = False
        self.progress = ("load", 0.0)
        self._publish(event)
        self._worker.send("run", job.number, dict(job.request), str(self.folder(job)), company)

    def _company(self, waiting: list[Job]) -> list[dict[str, object]]:
        """Requests behind the first job in the queue, for the same engine, if it plays batches."""
        engine = waiting[0].request.get("engine")
        if engine not in self._config.batching_engines:
            return []
        alike = (dict(job.request) for job in waiting[1:] if job.request.get("engine") == engine)
        return list(islice(alike, MAX_COMPANY))

    def _gathers(self, job: Job, company: list[dict[str, object]]) -> bool:
        """Whether a job is to wait a moment more for company, after which it will be started."""
        plays_batches = job.request.get("engine") in self._config.batching_engines
        if not plays_batches or len(company) >= MAX_COMPANY:
            return False
        left = job.created_seconds + self._config.cluster_seconds - time.time()
        if left <= 0:
            return False
        if self._gathering is None:
            # The clock may be set meanwhile, but not so that a job waits longer than it may.
            wait = min(left, self._config.cluster_seconds)
            self._gathering = threading.Timer(wait, self._stop_gathering, (job.number,))
            self._gathering.daemon = True
            self._gathering.start()
        return True

    def _stop_gathering(self, number: int) -> None:
        with self._lock:
            self._gathering = None
            self._start_next(gathered=number)

    def _cancel_running(self) -> None:
        if self._cancelling or self._running is None or self._worker is None:
            return
        self._cancelling = True
        self._worker.send("cancel", self._running.number)
        self._killer = threading.Timer(
            self._config.cancel_grace_seconds, self._kill_for, (self._running.number,)
        )
        self._killer.daemon = True
        self._killer.start()

    def _kill_for(self, number: int) -> None:
        """The cancel of last resort: the worker has not listened in time."""
        with self._lock:
            if self._cancelling and self._running and self._running.number == number:
                self.kill()

    def _hear(self, worker: Worker, message: Message) -> None:
        """Act on one message of the worker; called from the worker's reader thread."""
        with self._lock:
            if message[0] == "gone":
                self._lose(worker, message[1])
                return
            if message[0] == "ready":
                self._is_ready, self.engine = True, message[1]
                return
            job = self._running
            if job is None or message[1] != job.number:
                return
            match message:
                case ("progress", _, str(stage), float(fraction)):
                    self.progress = (stage, fraction)
                    details = {"stage": stage, "fraction": fraction}
                    seq = self._journal.head_seq
                    self._publish(Event(seq, EventKind.PROGRESS, job, details))
                    return
                case ("done", _, files):
                    self._end(job, JobState.DONE, stems=files)
                case ("cancelled", _) if self._stopping and not self._cancelling:
                    return  # a clean stop interrupts; stop() puts the job back
                case ("cancelled", _):
                    self._end(job, JobState.CANCELLED)
                case ("failed", _, int(code), str(sentence)):
                    self._end(job, JobState.FAILED, code, sentence)
            self._start_next()

    def _lose(self, worker: Worker, exit_status: int | None) -> None:
        """The worker's process has ended: settle its job and have a new one ready."""
        if self._stopping or worker is not self._worker:
            return
        self._worker = None
        job = self._running
        if job is not None:
            self._sweep(job)
            if self._cancelling:
                self._end(job, JobState.CANCELLED)
            else:
                self._end(job, JobState.FAILED, Code.INTERNAL, _last_sentence(exit_status))
        log.warning("the worker ended (%s)", exit_status)
        if self._is_ready:  # one that never got ready would only fail again: wait for a job
            self._start_worker()
        self._start_next()

    def _end(
        self,
        job: Job,
        state: JobState,
        code: int = 0,
        sentence: str = "",
        stems: list[Mapping[str, object]] | tuple[()] = (),
    ) -> None:
        if self._running is not None and self._running.number == job.number:
            self._running = None
            self._cancelling = False
            if self._killer is not None:
                self._killer.cancel()
                self._killer = None
        events = self._journal.finish(
            job.number, state, error_code=code, message=sentence, stems=stems
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
