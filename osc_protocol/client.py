"""A client of the daemon: a method for each command, and the events of a job to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from osc_protocol import messages as osc
from osc_protocol.errors import Code, NoAnswer, ProtocolError
from osc_protocol.link import RESEND_SECONDS, Link
from osc_protocol.protocol import DEFAULT_PORT
from osc_protocol.request_paths import with_absolute_paths

SILENCE_SECONDS = 5.0  # without an event of a job: ask how it is
LIST_ATTEMPTS = 5

Answer = TypeVar("Answer", bound=osc.Message)
Item = TypeVar("Item", osc.JobsItem, osc.StemReady)
JobEvent = osc.Queued | osc.Started | osc.Progress | osc.StemReady | osc.Finished


class Client:
    """A link to one daemon, open until close() or the end of a `with` block.

    `client_id` scopes request ids, which else count for all programs of this IP address.
    Methods raise the ProtocolError that the daemon answered, or NoAnswer (after 7.75 s by
    default: the sum of `resend_seconds`). Not for several threads at once.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        name: str = "backline client",
        client_id: str = "",
        resend_seconds: tuple[float, ...] = RESEND_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._hello = osc.Hello("hello", name, client_id)
        self._silence_seconds = silence_seconds
        self._link = Link(host, port, self._hello, resend_seconds)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Unsubscribe, without waiting for an answer, and close the socket."""
        self._link.close()

    def ping(self, *, timeout_seconds: float | None = None) -> float:
        """Return the seconds that a ping took there and back."""
        started = time.monotonic()
        self._ask(osc.Ping((self._link.new_rid(),), "s"), osc.Pong, timeout_seconds)
        return time.monotonic() - started

    def hello(self) -> osc.Welcome:
        """Say who this is, and learn who answers; done unasked before the first request."""
        return self._ask(replace(self._hello, rid=self._link.new_rid()), osc.Welcome)

    def version(self) -> osc.VersionReply:
        """Ask which version runs."""
        return self.ask(osc.QueryVersion, osc.VersionReply)

    def status(self) -> osc.StatusReply:
        """Ask how the daemon is."""
        return self.ask(osc.QueryStatus, osc.StatusReply)

    def sync(self) -> osc.Synced:
        """Wait until all that was sent before has been accepted or refused."""
        return self.ask(osc.Sync, osc.Synced)

    def subscribe(
        self, *, scope: str = "host", rate_hz: int = 10, lease_seconds: int = 60
    ) -> osc.NotifyDone:
        """Ask for events; from then on the lease is renewed whenever this client waits."""
        notify = osc.Notify(
            self._link.new_rid(), True, lease=lease_seconds, scope=scope, rate=rate_hz
        )
        done = self._ask(notify, osc.NotifyDone)
        self._link.keep_subscribed(notify)
        return done

    def unsubscribe(self) -> osc.NotifyDone:
        """Ask for no more events."""
        self._link.keep_subscribed(None)
        return self.ask(osc.Notify, osc.NotifyDone, on=False)

    def ask(self, kind: type[osc.Command], answer: type[Answer], **fields: object) -> Answer:
        """Send a command of that class under a new request id and return its answer."""
        command = kind(rid=self._link.new_rid(), **fields)  # type: ignore[call-arg]
        return self._ask(command, answer)

    def submit(self, request: osc.AnyRequest, *, rid: str = "") -> osc.Accepted:
        """Request stems; the job is in the daemon's journal once this returns.

        Relative paths are taken from this process's folder. A request under a `rid` that was
        accepted before is that job again.
        """
        request = replace(with_absolute_paths(request), rid=rid or self._link.new_rid())
        return self._ask(request, osc.Accepted)

    def cancel(self, target: str | int) -> osc.CancelDone:
        """Stop a job, given by its number or the rid of its request."""
        return self.ask(osc.Cancel, osc.CancelDone, target=target)

    def job(self, target: str | int) -> osc.JobReply:
        """Ask how a job is."""
        return self.ask(osc.QueryJob, osc.JobReply, target=target)

    def jobs(self, offset: int = 0, limit: int = 20) -> tuple[osc.JobsItem, ...]:
        """List up to 20 jobs, newest first, without the first `offset` ones."""
        query = osc.QueryJobs(self._link.new_rid(), offset, limit)
        return self._list(query, osc.JobsItem, osc.JobsEnd, lambda item: item.rid == query.rid)

    def stems(self, target: str | int) -> tuple[osc.StemReady, ...]:
        """Ask for the stems of a job that are ready."""
        query = osc.QueryStems(self._link.new_rid(), target)
        return self._list(query, osc.StemReady, osc.StemsEnd, lambda s: target in (s.job, s.rid))

    def quit(self, mode: str = "now") -> osc.QuitDone:
        """Stop the daemon: now, or drain, which lets the queue run empty first."""
        return self.ask(osc.Quit, osc.QuitDone, mode=mode)

    def next_event(self, timeout_seconds: float) -> osc.Message | None:
        """Return the next event that came or comes within the time, or None."""
        return self._link.next_event(timeout_seconds)

    def watch(self, job: int) -> Iterator[JobEvent]:
        """Yield the events of a job as they come; the last is its Finished, always.

        Subscribe first. After a silence the daemon is asked: a stem that was missed follows, each
        stem comes once, and a Finished that was missed has seq 0 and no elapsed time. Raises
        NoAnswer when the daemon is gone.
        """
        seen: set[int] = set()
        ask_at = time.monotonic() + self._silence_seconds
        while True:
            event = self.next_event(ask_at - time.monotonic())
            if event is None:
                self._link.renew_now()
                event = _as_event(self.job(job))
                ask_at = time.monotonic() + self._silence_seconds
            if not isinstance(event, JobEvent) or event.job != job:
                continue
            ask_at = time.monotonic() + self._silence_seconds
            is_last = isinstance(event, osc.Finished)
            for each in (*(self._stems_there(job) if is_last else ()), event):
                if isinstance(each, osc.StemReady):
                    if each.index in seen:
                        continue
                    seen.add(each.index)
                yield each
            if is_last:
                return

    def _stems_there(self, job: int) -> tuple[osc.StemReady, ...]:
        """The stems of a job that has ended; none where its folder has been removed since."""
        try:
            return self.stems(job)
        except ProtocolError as error:
            if error.code != Code.GONE:
                raise
            return ()

    def _ask(
        self, command: osc.Message, kind: type[Answer], timeout_seconds: float | None = None
    ) -> Answer:
        return self._link.exchange(command, kind, timeout_seconds)[1]

    def _list(
        self,
        query: osc.Message,
        kind: type[Item],
        end_kind: type[osc.JobsEnd] | type[osc.StemsEnd],
        belongs: Callable[[Item], bool],
    ) -> tuple[Item, ...]:
        """Ask until the list has as many items as its end says."""
        items: dict[int, Item] = {}
        for _ in range(LIST_ATTEMPTS):
            came, end = self._link.exchange(query, end_kind)
            found = [m for m in came if isinstance(m, kind) and belongs(m)]
            items |= {item.index: item for item in found}
            if len(items) >= end.sent:
                return tuple(items[index] for index in sorted(items))
        raise NoAnswer(f"{len(items)} items of a list came from {self._link.peer}, more were lost")


def _as_event(reply: osc.JobReply) -> osc.Progress | osc.Finished | None:
    """The event with the content of a job.reply; None for a job that waits."""
    if reply.state == "queued":
        return None
    common = (0, reply.job_rid, reply.job)
    if reply.state == "running":
        return osc.Progress(*common, reply.stage, reply.fraction, reply.eta_seconds)
    return osc.Finished(*common, reply.state, 0.0, reply.error_code, reply.message, reply.folder)
