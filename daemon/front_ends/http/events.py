"""Server-sent events: those of the journal by number, progress in between."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from daemon.front_ends.http.table_json import event_name, plain
from daemon.front_ends.osc_events import Results, as_message
from daemon.jobs import Event, EventKind, Job
from daemon.journal_reader import MAX_REPLAYED, JournalReader
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.messages import Finished, Message, Progress

log = logging.getLogger("backline.http")

MAX_LISTENERS = 500
MAX_UNSENT = 1_000  # events to one listener; who is slower is sent away and resumes by number
ALIVE_SECONDS = 15.0
LOOK_SECONDS = 1.0  # how often the journal is read although nothing was told
RETRY_MILLISECONDS = 1_000


class Listener:
    """Waits for the events of one job, or of all (None); `lost` once it was too slow."""

    def __init__(self, job: int | None) -> None:
        self.job, self.lost = job, False
        self._events: asyncio.Queue[tuple[int, bool, bytes]] = asyncio.Queue(MAX_UNSENT)

    def give(self, seq: int, is_last: bool, data: bytes) -> None:
        """Have an event sent; progress has number 0."""
        try:
            self._events.put_nowait((seq, is_last, data))
        except asyncio.QueueFull:
            self.lost = True

    async def next(self) -> tuple[int, bool, bytes]:
        """Return the next event; raises TimeoutError when none comes for a while."""
        return await asyncio.wait_for(self._events.get(), ALIVE_SECONDS)


class Hub:
    """Reads each new event of the journal once and gives it to all who listen."""

    results: Results

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._seq = journal.head_seq
        self._listeners: set[Listener] = set()
        self.progress: Progress | None = None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listening(self, job: int | None) -> Iterator[Listener]:
        """Listen; raises ProtocolError where too many do."""
        if len(self._listeners) >= MAX_LISTENERS:
            full = f"{MAX_LISTENERS} clients listen to events, which is the limit"
            raise ProtocolError(Code.RATE_LIMITED, full)
        listener = Listener(job)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def take(self, progress: Progress | None) -> None:
        """Act on news of the daemon: how far a job is, or that the journal has new events."""
        if progress is None:
            self._read_journal()
            return
        self.progress = progress
        self._give(progress.job, 0, progress)

    async def watch(self) -> None:
        """Look into the journal now and then, in case nothing was told."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._read_journal()

    def _read_journal(self) -> None:
        try:
            read = MAX_REPLAYED
            while read == MAX_REPLAYED:
                events, through = self._journal.events_after(self._seq, "all", "", "")
                read = len(events)
                for event in events:
                    if event.kind is EventKind.STARTED:
                        self.progress = None
                    self._give(event.job.number, event.seq, as_message(event, self.results))
                self._seq = max(self._seq, through, *(event.seq for event in events), 0)
        except sqlite3.Error as error:  # it is looked at again in a second
            log.warning("the journal cannot be read: %s", error)

    def _give(self, job: int, seq: int, message: Message) -> None:
        concerned = [each for each in self._listeners if each.job in (None, job)]
        if concerned:
            data = as_sse(message, seq)
            for listener in concerned:
                listener.give(seq, isinstance(message, Finished), data)


def as_sse(message: Message, seq: int) -> bytes:
    """Return an event as it is sent; only those with a number can be resumed after."""
    number = f"id: {seq}\n" if seq else ""
    text = json.dumps(plain(message), ensure_ascii=True)
    return f"{number}event: {event_name(type(message))}\ndata: {text}\n\n".encode()


async def stream(
    hub: Hub, listener: Listener, past: list[Event], job: Job | None
) -> AsyncIterator[bytes]:
    """Give what has happened, then what happens; of one job it ends with that."""
    seq = 0
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    for event in past:
        seq = event.seq
        yield as_sse(as_message(event, hub.results), seq)
    if job is not None and job.state.is_final:
        return
    while not listener.lost:
        with suppress(TimeoutError):
            number, is_last, data = await listener.next()
            if number and number <= seq:
                continue
            seq = max(seq, number)
            yield data
            if is_last and job is not None:
                return
            continue
        yield b": alive\n\n"
