"""What each OSC command does, and what it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import singledispatchmethod
from pathlib import Path

from daemon import ratings
from daemon.errors import DaemonError
from daemon.front_ends.drafts import Drafts
from daemon.front_ends.front_end import Service, http_url
from daemon.front_ends.guard import is_this_machine
from daemon.front_ends.order_check import check_acceptable
from daemon.front_ends.osc_events import as_message, gone, job_reply, jobs_item
from daemon.front_ends.resending import Resending
from daemon.front_ends.subscribers import (
    Address,
    Subscribers,
    Subscription,
    address_text,
    host_of,
)
from daemon.job_folders import is_there
from daemon.jobs import Event, EventKind, Job, JobState
from osc_protocol import messages as osc
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from osc_protocol.request_paths import check_absolute
from stems.manifest import MANIFEST_NAME
from stems.version import backline_version

CAPABILITIES = ":udp:spool:blob:replay:ack:pause:draft:tcp:"

Answers = Iterator[osc.Message]


@dataclass(frozen=True, eq=False)
class Commands:
    """One method a command, each yielding its answers; found by the class of the command.

    `answer` sends one at once, for those that must be out before something else happens; the
    carrier takes packets of at most `max_packet_bytes`. Files may be named below `roots`.
    """

    service: Service
    subscribers: Subscribers
    resending: Resending
    drafts: Drafts
    answer: Callable[[osc.Message, Address], None]
    max_packet_bytes: int
    roots: tuple[Path, ...]
    started_seconds: float = field(default_factory=time.monotonic)

    @singledispatchmethod
    def carry_out(self, command: osc.Message, source: Address) -> Answers:
        """Do what `command` says and yield the answers; raises ProtocolError for a refusal."""
        raise TypeError(f"no method carries out {type(command).__name__}")

    @carry_out.register
    def _ping(self, ping: osc.Ping, source: Address) -> Answers:
        address = "/pong" if ping.address == "/ping" else "/backline/pong"
        yield osc.Pong(ping.args, ping.tags, address)

    @carry_out.register
    def _hello(self, hello: osc.Hello, source: Address) -> Answers:
        if hello.proto != PROTOCOL_MAJOR:
            raise ProtocolError(
                Code.INCOMPATIBLE_PROTOCOL,
                f"proto must be {PROTOCOL_MAJOR}, which this daemon speaks, not {hello.proto}",
                "proto",
            )
        self._check_port(hello.port, source)
        self.subscribers.introduce(source, hello.id, hello.port)
        yield osc.Welcome(
            hello.rid, "backline", PROTOCOL_MAJOR, PROTOCOL_MINOR, self.service.journal.epoch,
            backline_version(), CAPABILITIES,
            http_url(self.service.config, self.service.ports.get("http")),
            self.service.queue.engine,
            self.max_packet_bytes,
        )  # fmt: skip

    @carry_out.register
    def _version(self, query: osc.QueryVersion, source: Address) -> Answers:
        version = backline_version()
        yield osc.VersionReply(query.rid, "backline", PROTOCOL_MAJOR, PROTOCOL_MINOR, version)

    @carry_out.register
    def _status(self, query: osc.QueryStatus, source: Address) -> Answers:
        yield osc.StatusReply(
            query.rid,
            self.service.journal.epoch,
            self.service.queue.state(),
            self.service.journal.count(JobState.RUNNING),
            self.service.journal.count(JobState.QUEUED),
            len(self.subscribers.listening()),
            self.service.journal.head_seq,
            0.0,
            0.0,
            int(time.monotonic() - self.started_seconds),
            self.service.queue.engine,
        )

    @carry_out.register
    def _sync(self, sync: osc.Sync, source: Address) -> Answers:
        # Requests are carried out in the order they come in, so all earlier ones are decided.
        yield osc.Synced(sync.rid, 0, self.service.journal.head_seq)

    @carry_out.register
    def _notify(self, notify: osc.Notify, source: Address) -> Answers:
        self._check_port(notify.port, source)
        if not notify.on:
            done = self._notify_done(notify)
            self.answer(done, source)  # before the reply address is forgotten with the lease
            self.resending.forget((source[0], notify.port or source[1]))
            self.subscribers.unsubscribe(source, notify.port)
            return
        lease = Subscription(
            target=source,
            owner=self.subscribers.owner(source),
            scope=notify.scope,
            style=notify.style,
            rate_hz=notify.rate,
            lease_seconds=notify.lease,
            expires_seconds=time.monotonic() + notify.lease,
            # What lies in a folder, or comes through a stream, is not lost.
            is_reliable=notify.reliable and isinstance(source[1], int),
        )
        if not self.subscribers.subscribe(source, notify.port, lease):
            raise ProtocolError(Code.RATE_LIMITED, "too many subscribers; one must leave first")
        yield self._notify_done(notify)
        if notify.style != "events":
            yield osc.UiState("running" if self.service.queue.running else "idle")

    def _notify_done(self, notify: osc.Notify) -> osc.Message:
        return osc.NotifyDone(
            notify.rid, "/backline/notify", notify.on, notify.lease,
            self.service.journal.head_seq, self.service.journal.epoch,
        )  # fmt: skip

    @carry_out.register
    def _generate(self, generate: osc.Generate, source: Address) -> Answers:
        yield from self._order(generate, source)

    @carry_out.register
    def _split(self, split: osc.Split, source: Address) -> Answers:
        yield from self._order(split, source)

    @carry_out.register
    def _conform(self, conform: osc.Conform, source: Address) -> Answers:
        yield from self._order(conform, source)

    def _roots_for(self, source: Address) -> tuple[Path, ...]:
        """Below which folders a client may name files: none, from another machine."""
        return self.roots if is_this_machine(source[0]) else ()

    def _known(self, command: osc.AnyRequest, source: Address) -> Job | None:
        """The job that a request has become, whatever its client was called at that time."""
        journal, owner = self.service.journal, self.subscribers.owner(source)
        return journal.find_rid(owner, command.rid) or journal.find_from(
            address_text(source), command.rid, command.digest
        )

    def _order(self, command: osc.AnyRequest, source: Address) -> Answers:
        """Have the queue take the order, or only answer that it could be taken."""
        engines, roots = self.service.config.engines, self._roots_for(source)
        check_acceptable(
            command, roots, engines, lambda: self._known(command, source) is None, quickly=True
        )

        def acknowledge(job: Job, position: int, eta_seconds: float, duplicate: bool) -> None:
            accepted = osc.Accepted(
                command.rid, job.number, job.state, position, duplicate, eta_seconds
            )
            self.answer(accepted, source)

        if command.dry_run:
            yield osc.Accepted(command.rid, 0, "dry-run", 0, False, -1.0)
            return
        owner, request = self.subscribers.owner(source), command.as_dict()
        self.service.queue.submit(
            owner, command.rid, command.digest, request, acknowledge,
            source=address_text(source), priority=command.priority,
            music_seconds=command.music_seconds,
        )  # fmt: skip

    @carry_out.register
    def _cancel(self, cancel: osc.Cancel, source: Address) -> Answers:
        journal = self.service.journal
        newest = journal.newest_of_host(source[0]) if cancel.target == 0 else None
        job = newest or self._find(cancel.target, source)
        outcome = self.service.queue.cancel(job.number)
        yield osc.CancelDone(cancel.rid, "/backline/cancel", job.number, outcome)

    @carry_out.register
    def _job(self, query: osc.QueryJob, source: Address) -> Answers:
        job = self._find(query.target, source)
        stems = self.service.queue.stems(job)
        yield job_reply(query.rid, job, self.service.queue, stems=len(stems))

    @carry_out.register
    def _jobs(self, query: osc.QueryJobs, source: Address) -> Answers:
        jobs, total = self.service.journal.page(query.offset, query.limit)
        for index, job in enumerate(jobs):
            yield jobs_item(query.rid, index, job, self.service.queue)
        yield osc.JobsEnd(query.rid, len(jobs), total)

    @carry_out.register
    def _rate(self, rate: osc.Rate, source: Address) -> Answers:
        job = self._find(rate.target, source)
        folder = self.service.queue.folder(job)
        if not is_there(folder):
            sentence = f"job {job.number} has no files to rate"
            raise ProtocolError(Code.NOT_FOUND, sentence, "target")
        try:
            ratings.rate(folder / MANIFEST_NAME, rate.rating)
        except DaemonError as error:
            raise ProtocolError(Code.DISK_FULL, str(error)) from error
        yield osc.RateDone(rate.rid, "/backline/rate", job.number, rate.rating)

    @carry_out.register
    def _stems(self, query: osc.QueryStems, source: Address) -> Answers:
        job = self._find(query.target, source)
        if self.service.queue.is_gone(job):
            raise ProtocolError(Code.GONE, gone(job), "target")
        events = self.service.queue.stems(job)
        for event in events:
            yield as_message(event, self.service.queue)
        yield osc.StemsEnd(query.rid, len(events), len(events))

    @carry_out.register
    def _replay(self, replay: osc.Replay, source: Address) -> Answers:
        journal = self.service.journal
        if replay.epoch not in (0, journal.epoch):
            sentence = f"epoch {replay.epoch} is over, it is {journal.epoch} now; ask for the jobs"
            raise ProtocolError(Code.GONE, sentence, "epoch")
        if replay.after_seq + 1 < journal.first_seq:
            sentence = f"events up to {journal.first_seq - 1} are not kept any more"
            raise ProtocolError(Code.GONE, f"{sentence}; ask for the jobs", "after_seq")
        lease, owner = self.subscribers.lease(source), self.subscribers.owner(source)
        events, through_seq = journal.events_after(
            replay.after_seq, lease.scope if lease else "host", owner, host_of(owner)
        )
        told = [event for event in events if self._still_holds(event)]
        for event in told:
            yield as_message(event, self.service.queue)
        yield osc.ReplayEnd(replay.rid, len(told), through_seq)

    def _still_holds(self, event: Event) -> bool:
        """Whether it is true now: no stem is announced that is not there any more."""
        is_stem = event.kind is EventKind.STEM
        return not is_stem or Path(str(event.details.get("path", ""))).is_file()

    @carry_out.register
    def _ack(self, ack: osc.Ack, source: Address) -> Answers:
        self.resending.acknowledge(self.subscribers.target(source), ack.seq)
        yield from ()

    @carry_out.register
    def _pause_queue(self, pause: osc.PauseQueue, source: Address) -> Answers:
        self.service.queue.pause(True)
        waiting = self.service.journal.count(JobState.QUEUED)
        yield osc.QueuePaused(pause.rid, "/backline/pause", waiting)

    @carry_out.register
    def _resume_queue(self, resume: osc.ResumeQueue, source: Address) -> Answers:
        waiting = self.service.journal.count(JobState.QUEUED)
        yield osc.QueueResumed(resume.rid, "/backline/resume", waiting)
        self.service.queue.pause(False)

    @carry_out.register
    def _draft_go(self, go: osc.DraftGo, source: Address) -> Answers:
        values = self.drafts.values(source)
        for needed in ("bpm", "key"):
            if needed not in values:
                raise ProtocolError(Code.MISSING_ARGUMENT, f"the draft has no {needed}", needed)
        journal, rid = self.service.journal, go.rid
        if not rid:
            number = journal.fact("drafts") + 1
            journal.keep_fact("drafts", number)
            rid = f"draft-{number}"
        request = osc.Generate(**values | {"rid": rid})
        check_absolute(request)
        yield from self._generate(request, source)

    @carry_out.register
    def _draft_clear(self, clear: osc.DraftClear, source: Address) -> Answers:
        self.drafts.clear(source)
        yield osc.DraftCleared(clear.rid, "/backline/draft/clear")

    @carry_out.register
    def _quit_asked(self, quit: osc.Quit, source: Address) -> Answers:
        yield osc.QuitDone(quit.rid, "/backline/quit", quit.mode)
        self.service.quit(quit.mode)

    def _find(self, target: str | int, source: Address) -> Job:
        """Find a job by request id (the client's own, else its host's) or by number."""
        journal, owner = self.service.journal, self.subscribers.owner(source)
        job = None
        if isinstance(target, str):
            job = (
                journal.find_rid(owner, target)
                or journal.find_rid(host_of(owner), target)
                or journal.find_from(address_text(source), target)
            )
        if job is None and (isinstance(target, int) or target.isdecimal()):
            job = journal.find(min(int(target), 1 << 62))
        if job is None:
            wanted = f"job {target}" if target != 0 else "job of this host"
            raise ProtocolError(Code.NOT_FOUND, f"there is no {wanted}", "target")
        return job

    def _check_port(self, port: int, source: Address) -> None:
        if port and isinstance(source[1], str):
            raise ProtocolError(
                Code.UNSUPPORTED,
                f"port must be left out or 0, not {port}: this client is answered where it asks",
                "port",
            )
        if port and port == self.service.ports.get("osc"):
            raise ProtocolError(
                Code.OUT_OF_RANGE, f"port must be the client's, not the daemon's own {port}", "port"
            )
