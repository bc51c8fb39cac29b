"""The spool with real files, a real daemon process, and jobs that come over both carriers."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from daemon.config import Config
from daemon.front_ends.front_end import Service
from daemon.front_ends.outbox import MAX_WAITING_FILES, Outbox
from daemon.front_ends.spool import MAX_PACKET_BYTES, SpoolFrontEnd
from daemon.journal import Journal
from daemon.queue import JobQueue
from osc_protocol.codec import MAX_DATAGRAM_BYTES, OscMessage, decode, encode
from osc_protocol.errors import Code
from osc_protocol.grammar import read_answer, write
from osc_protocol.messages import (
    Accepted,
    Bye,
    ErrorReply,
    Finished,
    Generate,
    Heartbeat,
    Hello,
    Message,
    Notify,
    NotifyDone,
    Ping,
    Progress,
    Queued,
    Started,
    StemReady,
    Welcome,
)
from osc_protocol.protocol import PROTOCOL_MAJOR

Ask = Callable[..., Generate]

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
LEASE_SECONDS = 3_600  # a session here only listens while a job runs, which may take long
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    never = threading.Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.005)


class Session:
    """A client of the spool, written from the contract alone: it only knows files."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.requests, self.answers = home / "spool" / "in", home / "spool" / "out" / name
        self._numbers = count(1)
        self.read_names: list[str] = []
        self._came: list[OscMessage] = []

    def put(self, packet: bytes, age_seconds: float = 0.0, number: int = 0) -> Path:
        milliseconds = round((time.time() - age_seconds) * 1000)
        name = f"{milliseconds:013}-{self.name}-{number or next(self._numbers):06}"
        partial = self.requests / f"{name}.tmp"
        partial.write_bytes(packet)
        return partial.rename(self.requests / f"{name}.osc")

    def send(self, *messages: Message) -> Path:
        """One message as it is, several as a bundle."""
        packets = [write(message) for message in messages]
        if len(packets) == 1:
            return self.put(packets[0])
        elements = b"".join(struct.pack(">i", len(packet)) + packet for packet in packets)
        return self.put(b"#bundle\0" + struct.pack(">Q", 1) + elements)

    def files(self) -> list[Path]:
        if not self.answers.is_dir():
            return []
        return sorted(path for path in self.answers.iterdir() if path.suffix == ".osc")

    def osc(self) -> OscMessage:
        """The next message, as it lies on the wire."""
        if not self._came:
            wait_for(self.files)
            self._fetch()
        return self._came.pop(0)

    def forget(self) -> None:
        """Throw away what has come so far."""
        self._fetch()
        self._came.clear()

    def _fetch(self) -> None:
        for path in self.files():
            self._came += decode(path.read_bytes())
            self.read_names.append(path.name)
            path.unlink()

    def read(self) -> Message:
        """The next message that is not a heartbeat, which comes whenever it likes."""
        while isinstance(message := read_answer(self.osc()), Heartbeat):
            pass
        return message

    def read_until(self, kind: type[Message]) -> list[Message]:
        messages = [self.read()]
        while not isinstance(messages[-1], kind):
            messages.append(self.read())
        return messages

    def story(self) -> list[Message]:
        """What comes until a job has ended, without its progress."""
        return [each for each in self.read_until(Finished) if not isinstance(each, Progress)]

    def meet(self, scope: str = "mine", client_id: str = "") -> None:
        self.send(
            Hello("h1", "test", client_id or self.name),
            Notify("n1", True, lease=LEASE_SECONDS, scope=scope),
        )
        assert [type(self.read()) for _ in range(2)] == [Welcome, NotifyDone]


_names = (f"test_{number}" for number in count(1))


@pytest.fixture
def new_session(daemon) -> Callable[[], Session]:
    return lambda: Session(daemon.home, next(_names))


@pytest.fixture
def session(new_session: Callable[[], Session]) -> Iterator[Session]:
    session = new_session()
    yield session
    session.send(Notify("last", False))
    while getattr(session.read(), "rid", "") != "last":
        pass


def sign_of_life(home: Path) -> dict[str, object]:
    return dict(json.loads((home / "spool" / "daemon.json").read_bytes()))


def test_the_sign_of_life_names_the_daemon_and_is_renewed(daemon) -> None:
    first = sign_of_life(daemon.home)
    assert list(first) == ["protocol", "version", "epoch", "pid", "osc_port", "time"]
    assert (first["protocol"], first["epoch"]) == (PROTOCOL_MAJOR, 1)
    assert (first["pid"], first["osc_port"]) == (daemon.process.pid, daemon.port)
    wait_for(lambda: sign_of_life(daemon.home)["time"] > first["time"])  # type: ignore[operator]


def test_a_ping_is_answered_by_a_file(session: Session) -> None:
    request = session.send(Ping(("here", 7, 0.5), "sif"))
    assert session.osc() == OscMessage("/backline/pong", "sif", ("here", 7, 0.5))
    wait_for(lambda: not request.exists())


def test_hello_is_told_of_the_spool_and_its_larger_packets(session: Session) -> None:
    session.send(Hello("h1", "test"))
    welcome = session.read()
    assert isinstance(welcome, Welcome)
    assert ":spool:" in welcome.capabilities
    assert welcome.max_request_bytes == MAX_PACKET_BYTES


def test_a_job_tells_its_whole_story_in_the_order_of_the_files(session: Session, ask: Ask) -> None:
    session.meet()
    session.send(ask(seed=110, rid="take1"))
    story = session.story()
    assert [type(each) for each in story] == [Accepted, Queued, Started, *[StemReady] * 4, Finished]
    for stem in story[3:7]:
        assert isinstance(stem, StemReady) and Path(stem.path).is_file()
    end = story[-1]
    assert isinstance(end, Finished) and end.state == "done"
    assert (Path(end.folder) / "manifest.json").is_file()
    assert session.read_names == sorted(session.read_names)
    assert all(len(name) == len("012345678901.osc") for name in session.read_names)


def test_one_bundle_introduces_subscribes_and_orders(session: Session, ask: Ask) -> None:
    hello = Hello("h1", "test", session.name)
    notify = Notify("n1", True, lease=LEASE_SECONDS)
    session.send(hello, notify, ask("refuse", rid="take1"))
    assert [type(session.read()) for _ in range(3)] == [Welcome, NotifyDone, Accepted]
    end = session.read_until(Finished)[-1]
    assert isinstance(end, Finished) and end.message == "the engine refuses this one"


def test_udp_and_spool_see_one_list_of_jobs(session: Session, ask: Ask, daemon) -> None:
    session.meet(scope="all", client_id="reaper")
    session.send(ask("refuse", seed=7, rid="shared"))
    (accepted, *_) = session.read_until(Finished)
    assert isinstance(accepted, Accepted)
    with daemon.client(client_id="reaper") as client:
        assert client.job("shared").job == accepted.job
        again = client.submit(ask("refuse", seed=7), rid="shared")
        assert (again.job, again.duplicate) == (accepted.job, True)
        over_udp = client.submit(ask("refuse", seed=8), rid="udp").job
    heard = session.story()
    assert [type(each) for each in heard] == [Queued, Started, Finished]
    assert {each.job for each in heard} == {over_udp}  # type: ignore[attr-defined]


def test_what_the_spool_orders_is_told_over_udp(session: Session, ask: Ask, client, story) -> None:
    client.subscribe(scope="all")
    session.send(Hello("h1", "test", session.name), ask("refuse", rid="take1"))
    accepted = session.read_until(Accepted)[-1]
    assert isinstance(accepted, Accepted)
    told = story(client, accepted.job)
    assert [type(each) for each in told] == [Queued, Started, Finished]


def test_sessions_with_ids_of_their_own_may_use_the_same_rid(
    new_session: Callable[[], Session], ask: Ask
) -> None:
    jobs = []
    for name in ("left", "right"):
        session = new_session()
        session.send(Hello("h1", "test", name), ask("refuse", rid="same"))
        answers = session.read_until(Accepted)
        jobs.append(answers[-1].job)  # type: ignore[attr-defined]
    assert jobs[0] != jobs[1]


def test_answers_of_one_session_do_not_reach_another(new_session: Callable[[], Session]) -> None:
    left, right = new_session(), new_session()
    left.send(Ping(("left",), "s"))
    right.send(Ping(("right",), "s"))
    assert right.osc().args == ("right",)
    assert left.osc().args == ("left",)


@pytest.mark.parametrize("age_seconds", [31.0, 3_600.0, -40.0, -1e9])
def test_a_request_of_another_time_is_removed_unread(session: Session, age_seconds: float) -> None:
    old = session.put(write(Ping(("old",), "s")), age_seconds)
    wait_for(lambda: not old.exists())
    session.send(Ping(("new",), "s"))
    assert session.osc().args == ("new",)


@pytest.mark.parametrize(
    "name",
    ["ping.osc", "1-test-000001.osc", "{now}-test-1.osc", "{now}--000001.osc",
     "{now}-te st-000001.osc", "{now}-" + "x" * 33 + "-000001.osc", "{now}-..-000001.osc",
     "{now}-ünï-000001.osc"],
)  # fmt: skip
def test_a_file_of_another_name_is_removed_unread(session: Session, name: str) -> None:
    now = round(time.time() * 1000)
    path = session.requests / name.format(now=now)
    path.write_bytes(write(Ping(("wrong name",), "s")))
    wait_for(lambda: not path.exists())
    session.send(Ping(("right name",), "s"))
    assert session.osc().args == ("right name",)
    assert session.name in {folder.name for folder in session.answers.parent.iterdir()}
    assert not (session.requests.parent / "000001.osc").exists()


def test_a_file_half_written_is_left_alone(session: Session) -> None:
    half = session.requests / f"{round(time.time() * 1000)}-{session.name}-900001.tmp"
    half.write_bytes(write(Ping(("half",), "s"))[:8])
    folder = session.requests / f"{round(time.time() * 1000)}-{session.name}-900002.osc"
    folder.mkdir()
    session.send(Ping(("whole",), "s"))
    assert session.osc().args == ("whole",)
    assert half.exists() and folder.exists()
    half.unlink()
    folder.rmdir()


def test_a_file_that_is_written_in_place_is_taken_once_it_is_whole(session: Session) -> None:
    path = session.put(b"")
    session.send(Ping(("later",), "s"))
    time.sleep(0.3)
    assert path.exists()
    path.write_bytes(write(Ping(("in place",), "s")))
    assert [session.osc().args, session.osc().args] == [("in place",), ("later",)]


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (b"", Code.BAD_TYPE),
        (b"GET / HTTP/1.1\r\n", Code.BAD_TYPE),
        (b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc", Code.BAD_TYPE),
        (b"/backline/job\0\0\0,s\0\0\xff\xfe\0\0", Code.BAD_TYPE),
        (bytes(MAX_PACKET_BYTES + 4), Code.TOO_LARGE),
    ],
)
def test_garbage_is_answered_by_an_error_and_the_next_request_is_served(
    session: Session, packet: bytes, code: Code
) -> None:
    request = session.put(packet)
    refusal = session.read()
    assert isinstance(refusal, ErrorReply)
    assert (refusal.rid, refusal.code) == ("", code)
    wait_for(lambda: not request.exists())
    session.send(Ping(("alive",), "s"))
    assert session.osc().args == ("alive",)


def test_hundreds_of_damaged_files_change_nothing(session: Session) -> None:
    chance = random.Random(7)
    whole = [
        encode("/backline/hello", "sssi", ("h1", "fuzz", "port", 1)),
        encode("/backline/jobs", "sii", ("l1", 0, 20)),
        encode("/backline/cancel", "ss", ("c1", "nobody")),
        encode("/backline/generate", "sfsfs", ("g1", 0.0, "A minor", 10.0, "")),
    ]
    for _ in range(200):
        damaged = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        session.put(bytes(damaged))
    session.send(Ping(("alive",), "s"))
    answers = [session.osc()]
    while answers[-1] != OscMessage("/backline/pong", "s", ("alive",)):
        answers.append(session.osc())
    assert {answer.address for answer in answers[:-1]} & {"/backline/error", "/backline/pong"}


def test_a_melody_larger_than_a_datagram_fits(session: Session, ask: Ask) -> None:
    # One note, and a text event of 70000 bytes: 0x84 0xa2 0x70 is 70000 in 7-bit digits.
    text = b"\x00\xff\x01\x84\xa2\x70" + b"x" * 70_000
    track = text + b"\x00\x90\x3c\x64\x83\x60\x80\x3c\x00\x00\xff\x2f\x00"
    melody = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    melody += b"MTrk" + struct.pack(">I", len(track)) + track
    plain = write(Generate(rid="big", bpm=120.0, key="C", dry_run=True))
    address_and_tags = plain.index(b",")
    tags = plain[address_and_tags:].partition(b"\0")[0]
    arguments = plain[address_and_tags + (len(tags) // 4 + 1) * 4 :]
    new_tags = tags + b"sb"
    packet = plain[:address_and_tags] + new_tags + bytes(4 - len(new_tags) % 4) + arguments
    packet += b"melody\0\0" + struct.pack(">I", len(melody)) + melody + bytes(-len(melody) % 4)
    assert len(packet) > MAX_DATAGRAM_BYTES
    session.put(packet)
    accepted = session.read()
    assert isinstance(accepted, Accepted), accepted
    assert (accepted.job, accepted.state) == (0, "dry-run")


@pytest.mark.parametrize("message", [Hello("x1", "test", port=9902), Notify("x1", True, port=9902)])
def test_a_session_has_no_port_to_be_answered_at(session: Session, message: Message) -> None:
    session.send(message)
    refusal = session.read()
    assert isinstance(refusal, ErrorReply)
    assert (refusal.rid, refusal.code) == ("x1", Code.UNSUPPORTED)
    assert "9902" in refusal.message


def test_files_are_taken_in_the_order_of_their_names(launch, tmp_path: Path) -> None:
    session = Session(tmp_path, "early")
    session.requests.mkdir(parents=True)
    for number in (3, 1, 5, 2, 4):  # the time in the name comes first: older ones have lower ones
        session.put(write(Ping((number,), "i")), age_seconds=20 - number, number=9 - number)
    daemon = launch(tmp_path)  # requests that wait for a daemon to start are carried out
    assert [session.osc().args[0] for _ in range(5)] == [1, 2, 3, 4, 5]
    with daemon.client() as client:
        client.quit()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0


@posix_only
def test_a_restart_keeps_jobs_and_the_order_of_answers(launch, tmp_path: Path, ask: Ask) -> None:
    first = launch(tmp_path)
    session = Session(tmp_path, "reaper")
    session.meet()
    session.send(ask("hold", seed=1, rid="take1"))
    session.read_until(Progress)
    first.ends_with(signal.SIGKILL)
    assert (tmp_path / "spool" / "daemon.json").exists()  # nobody was left to remove it
    session.forget()
    before = list(session.read_names)

    second = launch(tmp_path)
    assert sign_of_life(tmp_path)["epoch"] == 2
    session.meet()
    session.send(ask("hold", seed=1, rid="take1"))
    accepted = session.read_until(Accepted)[-1]
    assert isinstance(accepted, Accepted) and accepted.duplicate
    assert max(before) < min(set(session.read_names) - set(before))
    with second.client() as client:
        client.quit()
    assert isinstance(session.read_until(Bye)[-1], Bye)
    assert second.process.wait(DEADLINE_SECONDS) == 0
    assert not (tmp_path / "spool" / "daemon.json").exists()


def test_a_client_of_the_spool_can_stop_the_daemon(launch, tmp_path: Path) -> None:
    daemon = launch(tmp_path)
    session = Session(tmp_path, "reaper")
    session.meet()
    session.put(encode("/backline/quit", "ss", ("q1", "now")))
    done, bye = session.read_until(Bye)
    assert getattr(done, "rid", "") == "q1" and isinstance(bye, Bye)
    assert daemon.process.wait(DEADLINE_SECONDS) == 0
    assert list(session.requests.iterdir()) == []
    assert not (tmp_path / "spool" / "daemon.json").exists()


def test_what_clients_have_forgotten_for_a_day_is_removed(launch, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    old, young = spool / "out" / "old", spool / "out" / "young"
    for folder in (spool / "in", old, young):
        folder.mkdir(parents=True)
    (old / "000000000001.osc").write_bytes(b"unread")
    half = spool / "in" / "0-x-1.tmp"
    half.write_bytes(b"half")
    day_before_yesterday = time.time() - 2 * 86_400
    for path in (old, half):
        os.utime(path, (day_before_yesterday, day_before_yesterday))
    daemon = launch(tmp_path)
    wait_for(lambda: not old.exists() and not half.exists())
    assert young.is_dir()
    with daemon.client() as client:
        client.quit()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0


def test_the_folders_may_be_removed_while_the_daemon_runs(launch, tmp_path: Path) -> None:
    daemon = launch(tmp_path)
    session = Session(tmp_path, "reaper")
    session.requests.rmdir()
    wait_for(session.requests.is_dir)
    session.send(Ping((1,), "i"))
    assert session.osc().args == (1,)
    session.answers.rmdir()
    session.send(Ping((2,), "i"))
    assert session.osc().args == (2,)
    with daemon.client() as client:
        client.quit()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0


def test_a_file_that_cannot_be_removed_is_carried_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(home=tmp_path)
    config.make_folders()
    journal = Journal(tmp_path / "journal.sqlite3")
    service = Service(config, journal, JobQueue(config, journal), lambda mode: None)
    spool = SpoolFrontEnd(service)
    spool.open()
    session = Session(tmp_path, "reaper")
    unlink = Path.unlink

    def held_by_another_program(path: Path, missing_ok: bool = False) -> None:
        if path.parent == session.requests:
            raise PermissionError(13, "held", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", held_by_another_program)
    spool.start()
    try:
        for number in (1, 2, 3):  # each answer shows that a whole round has gone over the earlier
            session.send(Ping((number,), "i"))
            assert session.osc().args == (number,)
        assert session.files() == []
        assert len(list(session.requests.iterdir())) == 3
    finally:
        spool.close("end of the test")
        journal.close()


def test_an_outbox_nobody_empties_loses_progress_first_and_events_never(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "session")
    for number in range(MAX_WAITING_FILES):
        outbox.put(b"event %d" % number, droppable=number % 10 == 3)
    for number in range(20):
        outbox.put(b"late %d" % number, droppable=False)
    left = [path.read_bytes() for path in sorted((tmp_path / "session").iterdir())]
    assert len(left) == MAX_WAITING_FILES
    # The 20 oldest of those that may go: 3, 13, 23 ... 193.
    gone = {b"event %d" % number for number in range(3, 200, 10)}
    written = [b"event %d" % n for n in range(MAX_WAITING_FILES)] + [
        b"late %d" % n for n in range(20)
    ]
    assert left == [each for each in written if each not in gone]


def test_an_outbox_counts_only_what_its_client_has_not_taken(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(MAX_WAITING_FILES):
        outbox.put(b"%d" % number, droppable=True)
    for path in sorted(tmp_path.iterdir())[:100]:
        path.unlink()
    for number in range(100):
        outbox.put(b"more %d" % number, droppable=True)
    assert len(list(tmp_path.iterdir())) == MAX_WAITING_FILES


def test_an_outbox_of_a_later_daemon_goes_on_after_the_earlier_one(tmp_path: Path) -> None:
    Outbox(tmp_path).put(b"first", droppable=False)
    wait_for(lambda: int(time.time() * 100) > int(next(tmp_path.iterdir()).stem))
    Outbox(tmp_path).put(b"second", droppable=False)
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"first", b"second"]


def test_a_spool_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file in the way")
    words = ["-m", "daemon", "serve", "--home", str(tmp_path), "--osc-port", "0"]
    refused = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=DEADLINE_SECONDS,
        check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout) == (1, "")
    (sentence,) = refused.stderr.splitlines()
    assert str(tmp_path / "spool") in sentence and "cannot be used" in sentence


def test_without_a_screen_what_it_says_goes_into_a_log_file(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file in the way")
    log_file = tmp_path / "log of ö" / "screen.log"
    words = ["--home", str(tmp_path), "--osc-port", "0", "--log-file", str(log_file)]
    refused = subprocess.run(
        [sys.executable, "-m", "daemon", "serve", *words], capture_output=True, text=True,
        timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", "")
    assert "cannot be used" in log_file.read_text("utf-8")
