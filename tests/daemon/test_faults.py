"""What a job comes to when the disk, the journal, the worker or its folder fails it."""

from __future__ import annotations

import errno
import io
import logging
import os
import shutil
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import tone_engine

from daemon import server
from daemon.config import Config
from daemon.disk_reserve import RESERVE_BYTES, DiskReserve
from daemon.front_ends.front_end import Service
from daemon.jobs import Event, EventKind, Job, JobState
from daemon.journal import Journal
from daemon.queue import JobQueue
from daemon.server import Daemon
from daemon.worker_process import explain
from osc_protocol.client import Client
from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished, Message, Progress
from stems.errors import StemError

Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config(home=tmp_path, osc_port=0, engines=tone_engine.TONES, warm_engine="")
    config.make_folders()
    return config


@pytest.fixture
def journal(config: Config) -> Iterator[Journal]:
    with closing(Journal(config.home / "journal.sqlite3")) as journal:
        yield journal


def order(queue: JobQueue, request: Generate, rid: str) -> Job:
    """Submit a request as a front end does, and return its job."""
    accepted: list[Job] = []
    queue.submit(
        "127.0.0.1", rid, request.digest, request.as_dict(), lambda job, *_: accepted.append(job)
    )
    return accepted[0]


def test_an_end_that_cannot_be_written_is_tried_until_it_is_and_then_told_once(
    config: Config, journal: Journal, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = JobQueue(config, journal)
    ended = threading.Event()
    told: list[Event] = []
    failures = iter([True, True, True])
    finish = journal.finish

    def failing(number: int, state: JobState, **more: object) -> list[Event]:
        if next(failures, False):
            raise sqlite3.OperationalError("database or disk is full")
        return finish(number, state, **more)  # type: ignore[arg-type]

    def listen(event: Event) -> None:
        if event.kind is EventKind.FINISHED:
            found = journal.find(event.job.number)
            assert found is not None and found.state is JobState.FAILED  # on disk before it is told
            told.append(event)
            if event.job.rid == "second":
                ended.set()

    monkeypatch.setattr(journal, "finish", failing)
    queue.listeners.append(listen)
    queue.start()
    order(queue, ask("refuse", seed=1), "first")
    order(queue, ask("refuse", seed=2), "second")
    assert ended.wait(DEADLINE_SECONDS)
    queue.stop()
    assert [event.job.rid for event in told] == ["first", "second"]


def test_a_cancel_of_a_waiting_job_that_cannot_be_written_is_refused(
    config: Config, journal: Journal, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = JobQueue(config, journal)
    queue.pause(True)
    job = order(queue, ask(), "take1")

    def full(*_: object, **more: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(journal, "finish", full)
        with pytest.raises(sqlite3.OperationalError):
            queue.cancel(job.number)
    assert queue.cancel(job.number) == "cancelled"


def test_space_is_held_back_and_given_when_it_is_needed(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path / "reserve")
    assert not reserve.release()
    reserve.hold()
    reserve.hold()
    assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES
    assert reserve.release()
    assert (tmp_path / "reserve").stat().st_size == 0


def test_a_full_disk_refuses_new_jobs_by_its_code(
    config: Config, journal: Journal, ask: Ask
) -> None:
    full = Config(home=config.home, osc_port=0, disk_reserve_bytes=1 << 60)
    with pytest.raises(ProtocolError, match="MiB are needed") as refusal:
        order(JobQueue(full, journal), ask(), "take1")
    assert refusal.value.code == Code.DISK_FULL


class EagerFrontEnd:
    """A door through which a request comes the moment it opens."""

    def __init__(self, service: Service) -> None:
        self._service = service
        service.ports["osc"] = 0

    def open(self) -> None:
        pass

    def start(self) -> None:
        request = Generate(bpm=240.0, key="C", bars=1, tags="hold", seed=1)
        order(self._service.queue, request, "eager")

    def heartbeat(self) -> None:
        pass

    def close(self, reason: str) -> None:
        pass


def test_a_request_that_comes_at_once_is_not_taken_for_one_of_a_dead_daemon(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FRONT_ENDS", (f"{__name__}:EagerFrontEnd",))
    monkeypatch.setattr(server.pkgutil, "resolve_name", lambda name: EagerFrontEnd)
    daemon = Daemon(config)
    daemon.start()
    try:
        with closing(sqlite3.connect(config.home / "journal.sqlite3")) as database:
            rows = database.execute("SELECT state, attempts FROM jobs").fetchall()
        assert rows == [("running", 1)]
    finally:
        daemon.stop()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), Code.OUT_OF_MEMORY),
        (RuntimeError("std::bad_alloc"), Code.OUT_OF_MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), Code.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Code.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), Code.DISK_FULL),
        (OSError(errno.EIO, "Input/output error"), Code.DISK_FULL),
        (OSError(errno.EROFS, "Read-only file system"), Code.DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Code.DISK_FULL),
        (RuntimeError("anything else"), Code.INTERNAL),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_each_way_to_fail_has_its_code_also_inside_another_error(
    tmp_path: Path, error: Exception, code: Code, wrapped: bool
) -> None:
    if wrapped:
        try:
            raise StemError("output folder cannot be written") from error
        except StemError as outer:
            error = outer
    assert explain(error, tmp_path / "worker.log", tmp_path)[0] == code


def test_a_disk_without_room_is_full_whatever_a_library_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    error = RuntimeError("System error.")  # of libsndfile
    assert explain(error, tmp_path / "worker.log", tmp_path / "7")[0] == Code.DISK_FULL


def ping(wire: socket.socket) -> None:
    wire.send(encode("/ping", "s", ("here",)))


def read(wire: socket.socket) -> OscMessage:
    (message,) = decode(wire.recv(65_507))
    return message


def test_a_locked_journal_delays_requests_and_no_pings(daemon, ask: Ask) -> None:
    generate = encode(
        "/backline/generate", "ssfsssi", ("locked", "bpm", 240.0, "key", "C", "bars", 1)
    )
    with (
        closing(sqlite3.connect(daemon.home / "journal.sqlite3", isolation_level=None)) as other,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire,
    ):
        wire.settimeout(DEADLINE_SECONDS)
        wire.connect(("127.0.0.1", daemon.port))
        other.execute("BEGIN IMMEDIATE")
        wire.send(generate)
        ping(wire)
        assert read(wire) == OscMessage("/pong", "s", ("here",))
        error = read(wire)  # after the 5 s that a write waits
        assert error.args[2:4] == (Code.TIMEOUT, "timeout")
        assert "locked by another program" in str(error.args[4])
        wire.send(generate)
        ping(wire)
        assert read(wire).address == "/pong"
        other.execute("ROLLBACK")
        assert read(wire).address == "/backline/accepted"


def run_until_it_diffuses(client: Client, job: int) -> None:
    for event in client.watch(job):
        if isinstance(event, Progress) and event.stage == "diffuse":
            return


def wait_for_runs(daemon, wanted: int) -> list[int]:
    """The workers that have begun to play, once there are so many."""
    end, never = time.monotonic() + DEADLINE_SECONDS, threading.Event()
    while len(daemon.runs()) < wanted:
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.02)
    return [worker for _, worker in daemon.runs()]


@pytest.mark.slow
@posix_only
def test_a_worker_that_stands_still_is_replaced_and_its_job_tried_once_more(
    launch: Callable[..., object], tmp_path: Path, ask: Ask, story: Story
) -> None:
    daemon = launch(tmp_path, config={"worker_silence_seconds": 6.0})
    with daemon.client() as client:  # type: ignore[attr-defined]
        client.subscribe()
        job = client.submit(ask("hold", seed=1)).job
        waiting = client.submit(ask("refuse", seed=2)).job
        (first,) = wait_for_runs(daemon, 1)
        os.kill(first, signal.SIGSTOP)
        second = wait_for_runs(daemon, 2)[1]
        assert second != first
        os.kill(second, signal.SIGSTOP)
        end = story(client, job)[-1]
        assert isinstance(end, Finished)
        assert (end.state, end.error_code) == ("failed", Code.TIMEOUT)
        assert "stood still 2 times" in end.message
        after = story(client, waiting)[-1]
        assert isinstance(after, Finished) and "refuses" in after.message
        client.quit()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0  # type: ignore[attr-defined]


@pytest.mark.slow
@posix_only
def test_a_worker_without_progress_is_replaced_although_it_runs(
    launch: Callable[..., object], tmp_path: Path, ask: Ask
) -> None:
    daemon = launch(tmp_path, 1.0, config={"worker_stall_seconds": 8.0})
    with daemon.client() as client:  # type: ignore[attr-defined]
        client.submit(ask("stubborn", seed=1))
        first, second = wait_for_runs(daemon, 2)
        assert first != second
        client.quit()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0  # type: ignore[attr-defined]


def test_a_job_whose_folder_is_gone_says_so_and_announces_no_stems(
    daemon, client: Client, ask: Ask, story: Story
) -> None:
    job = client.submit(ask(seed=77), rid="gone").job
    story(client, job)
    assert len(client.stems(job)) == 4
    shutil.rmtree(client.job(job).folder)
    reply = client.job("gone")
    assert (reply.state, reply.stems_ready, reply.folder) == ("done", 0, "")
    assert reply.error_code == Code.GONE and "not there any more" in reply.message
    with pytest.raises(ProtocolError) as refusal:
        client.stems(job)
    assert refusal.value.code == Code.GONE
    with daemon.client(silence_seconds=0.1) as other:  # learns of the end, and of no stems
        assert [type(event) for event in other.watch(job)] == [Finished]


@pytest.mark.parametrize("target", [1e30, -1e30, float("inf"), float("nan"), 0.5])
@pytest.mark.parametrize("address", ["/backline/job", "/backline/cancel", "/backline/stems"])
def test_a_job_number_that_can_be_none_is_an_error_in_a_sentence(
    daemon, address: str, target: float
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(DEADLINE_SECONDS)
        wire.connect(("127.0.0.1", daemon.port))
        wire.send(encode(address, "sd", ("r1", target)))
        error = read(wire)
        assert error.address == "/backline/error"
        assert error.args[2] in (Code.OUT_OF_RANGE, Code.NOT_FOUND)


def test_a_log_on_a_full_disk_says_nothing_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon import server

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with server._logging_to(tmp_path / "daemon.log"):
        (handler,) = logging.getLogger("backline").handlers
        assert isinstance(handler, logging.FileHandler)
        handler.stream.close()
        monkeypatch.setattr(handler, "stream", Full())
        logging.getLogger("backline.test").warning("something happened")
    # The end of the log, which writes what is left, ends without an error as well.
    assert capsys.readouterr().err == ""
