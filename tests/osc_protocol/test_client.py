"""The client over real UDP, against a stand-in that can be told to lose and to lie."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from osc_protocol.client import Client
from osc_protocol.errors import Code, NoAnswer, ProtocolError
from osc_protocol.messages import (
    Accepted,
    Cancel,
    CancelDone,
    ErrorReply,
    Finished,
    Generate,
    Heartbeat,
    Hello,
    JobReply,
    JobsEnd,
    JobsItem,
    Message,
    Notify,
    NotifyDone,
    Ping,
    Pong,
    Progress,
    QueryJob,
    QueryJobs,
    QueryStatus,
    QueryStems,
    QueryVersion,
    Quit,
    QuitDone,
    Started,
    StatusReply,
    StemReady,
    StemsEnd,
    Sync,
    Synced,
    VersionReply,
    Welcome,
)

PATIENT = (20.0,)  # never sends twice: a slow machine changes nothing
QUICK = (0.05, 0.1, 0.2, 20.0)  # sends again soon, so that tests of loss need not wait
STEMS = tuple(
    StemReady(
        3 + i, "take1", 1, i, 2, name, f"/{name}.wav", "", 2.5, 48_000, 2, 960_058, "sha256:0"
    )
    for i, name in enumerate(("drums", "bass"))
)
DONE = Finished(5, "take1", 1, "done", 4.5, 0, "", "/jobs/1")


@pytest.fixture
def client(responder: Any) -> Iterator[Client]:
    with Client(port=responder.port, resend_seconds=PATIENT, silence_seconds=20.0) as link:
        yield link


@pytest.fixture
def restless(responder: Any) -> Iterator[Client]:
    """A client that asks after the shortest silence."""
    with Client(port=responder.port, resend_seconds=PATIENT, silence_seconds=0.01) as link:
        yield link


def daemon(command: Message) -> Iterable[Message]:
    """Answers as a daemon with one finished job does."""
    match command:
        case Ping():
            yield Pong(command.args, command.tags)
        case Hello():
            yield Welcome(command.rid, "backline", 1, 0, 4, "0.1.0", ":udp:", "", "", 65_507)
        case QueryVersion():
            yield VersionReply(command.rid, "backline", 1, 0, "0.1.0")
        case QueryStatus():
            yield StatusReply(command.rid, 4, "idle", 0, 0, 1, 5, 0.0, 0.0, 12, "embedded")
        case Sync():
            yield Synced(command.rid, 0, 5)
        case Notify():
            done = NotifyDone(command.rid, "/backline/notify", command.on, command.lease, 5, 4)
            yield done
        case Generate():
            yield Accepted(command.rid, 1, "queued", 0, False, -1.0)
        case Cancel():
            yield CancelDone(command.rid, "/backline/cancel", 1, "already-done")
        case QueryJob():
            yield JobReply(command.rid, 1, "take1", "done", "write", 1.0, 0.0, 2, 0, "", "/jobs/1")
        case QueryJobs():
            yield JobsItem(command.rid, 0, 2, "take2", "running", 0.5)
            yield JobsItem(command.rid, 1, 1, "take1", "done", 1.0)
            yield JobsEnd(command.rid, 2, 2)
        case QueryStems():
            yield from STEMS
            yield StemsEnd(command.rid, 2, 2)
        case Quit():
            yield QuitDone(command.rid, "/backline/quit", command.mode)


def test_every_command_finds_its_answer(responder: Any, client: Client) -> None:
    responder.answer = daemon
    assert client.ping() > 0
    assert client.hello().epoch == 4
    assert client.version().version == "0.1.0"
    assert client.status().engine == "embedded"
    assert client.sync().head_seq == 5
    assert client.subscribe().lease_seconds == 60
    assert client.unsubscribe().on is False
    assert client.submit(Generate(92.7, "Am", seed=7)).job == 1
    assert client.cancel(1).outcome == "already-done"
    assert client.job("take1").folder == "/jobs/1"
    assert [item.job for item in client.jobs()] == [2, 1]
    assert client.stems("take1") == STEMS
    assert client.quit("drain").mode == "drain"


def test_every_request_has_an_id_of_its_own(responder: Any, client: Client) -> None:
    responder.answer = daemon
    for _ in range(3):
        client.status()
    ids = [command.rid for command in responder.orders()]
    assert len(set(ids)) == 3
    with Client(port=responder.port) as other:
        other.status()
    assert responder.orders()[-1].rid not in ids


def test_a_client_says_hello_first_so_that_answers_come_to_its_own_port(
    responder: Any, client: Client
) -> None:
    responder.answer = daemon
    client.status()
    client.status()
    assert [type(command) for command in responder.commands] == [Hello, QueryStatus, QueryStatus]
    assert responder.commands[0].port == 0


def test_an_order_arrives_as_it_was_meant(
    responder: Any, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder.answer = daemon
    monkeypatch.chdir(tmp_path)
    request = Generate(61.7, "F# dorian", seed=3, melody_path="m.mid", meter="7/8", dry_run=True)
    client.submit(request, rid="take1")
    (order,) = responder.orders()
    assert (order.rid, order.dry_run, order.seed) == ("take1", True, 3)
    assert Path(order.melody_path) == Path.cwd() / "m.mid"
    assert order.grid == request.grid


def test_an_unanswered_request_is_sent_again_byte_for_byte(responder: Any) -> None:
    asked: list[Message] = []

    def answers_the_third(command: Message) -> Iterable[Message]:
        if isinstance(command, Generate):
            asked.append(command)
            if len(asked) == 3:
                yield from daemon(command)

    responder.answer = answers_the_third
    with Client(port=responder.port, resend_seconds=QUICK) as client:
        assert client.submit(Generate(92.7, "Am")).job == 1
    responder.wait_for(lambda orders: len(orders) >= 3)
    orders = [
        datagram
        for datagram, command in zip(responder.datagrams, responder.commands, strict=True)
        if isinstance(command, Generate)
    ]
    assert len(orders) >= 3 and len(set(orders)) == 1
    # It greets before each, too: a daemon that was restarted would know it no more.
    assert [type(command) for command in responder.commands[:4]] == [Hello, Generate] * 2


def test_an_error_answer_is_raised_with_its_code_and_field(responder: Any, client: Client) -> None:
    def refuse(command: Message) -> Iterable[Message]:
        if isinstance(command, Cancel):
            error = ProtocolError(Code.NOT_FOUND, "there is no job 9", "target")
            yield ErrorReply.of(command.rid, "/backline/cancel", error)

    responder.answer = refuse
    with pytest.raises(ProtocolError, match="there is no job 9") as caught:
        client.cancel(9)
    assert (caught.value.code, caught.value.field) == (Code.NOT_FOUND, "target")


def test_answers_to_others_and_noise_are_passed_over(responder: Any, client: Client) -> None:
    def noisy(command: Message) -> Iterable[Message]:
        if isinstance(command, QueryStatus):
            responder.send_bytes(b"noise!")
            responder.send_bytes(b"/backline/later\0,\0\0\0")
            responder.send_bytes(b"#bundle\0\0\0\0\0\0\0\0\1\xff\xff\xff\xfc")
            other = ProtocolError(Code.INTERNAL, "not yours")
            yield ErrorReply.of("another", "/backline/status", other)
            yield VersionReply(command.rid, "backline", 1, 0, "not what was asked")
            yield from daemon(command)

    responder.answer = noisy
    assert client.status().state == "idle"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_a_daemon_there_is_no_answer_but_a_sentence() -> None:
    port = free_port()
    with (
        Client(port=port, resend_seconds=(0.01, 0.02)) as alone,
        pytest.raises(NoAnswer, match=f"127.0.0.1:{port}.*backline serve") as caught,
    ):
        alone.status()
    assert caught.value.code == Code.TIMEOUT


def test_a_ping_can_be_given_less_time(client: Client) -> None:
    with pytest.raises(NoAnswer):  # at once, where the client itself would wait for 20 s
        client.ping(timeout_seconds=0.01)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 9787), ("127.0.0.1", 70_000)])
def test_a_place_that_cannot_be_is_said(host: str, port: int) -> None:
    with pytest.raises(ProtocolError, match=f"{host}:{port} cannot be reached"):
        Client(host, port)


def test_events_that_come_between_an_answer_wait_their_turn(responder: Any, client: Client) -> None:
    def busy(command: Message) -> Iterable[Message]:
        if isinstance(command, QueryStatus):
            yield Started(2, "take1", 1)
            yield Heartbeat(4, 2, 1, 0)
        yield from daemon(command)

    responder.answer = busy
    client.status()
    assert client.next_event(0.0) == Started(2, "take1", 1)
    assert client.next_event(0.0) == Heartbeat(4, 2, 1, 0)
    assert client.next_event(0.0) is None


def test_a_job_is_watched_to_its_end(responder: Any, client: Client) -> None:
    responder.answer = daemon
    client.subscribe()
    events = [Started(2, "take1", 1), Progress(2, "take1", 1, "diffuse", 0.5, 1.0), *STEMS, DONE]
    for event in (events[0], Started(2, "other", 8), Heartbeat(4, 2, 1, 0), *events[1:]):
        responder.send(event)
    assert list(client.watch(1)) == events


def test_a_stem_event_that_was_lost_comes_before_the_end(responder: Any, client: Client) -> None:
    responder.answer = daemon
    client.subscribe()
    responder.send(STEMS[0])
    responder.send(DONE)
    assert list(client.watch(1)) == [STEMS[0], STEMS[1], DONE]


def test_an_end_that_was_lost_is_found_out_by_asking(responder: Any, restless: Client) -> None:
    responder.answer = daemon
    restless.subscribe()
    events = list(restless.watch(1))
    assert events[:-1] == list(STEMS)
    assert events[-1] == Finished(0, "take1", 1, "done", 0.0, 0, "", "/jobs/1")
    asked = [command for command in responder.orders() if isinstance(command, QueryJob)]
    assert [query.target for query in asked] == [1]


def test_a_job_that_is_silent_but_runs_is_watched_on(responder: Any, restless: Client) -> None:
    replies = iter(("queued", "running", "failed"))

    def slow(command: Message) -> Iterable[Message]:
        if isinstance(command, QueryJob):
            state = next(replies)
            yield JobReply(
                command.rid, 1, "take1", state, "diffuse", 0.25, 9.0, 0, 15, "no memory", ""
            )
        elif isinstance(command, QueryStems):
            yield StemsEnd(command.rid, 0, 0)
        else:
            yield from daemon(command)

    responder.answer = slow
    restless.subscribe()
    assert list(restless.watch(1)) == [
        Progress(0, "take1", 1, "diffuse", 0.25, 9.0),
        Finished(0, "take1", 1, "failed", 0.0, 15, "no memory", ""),
    ]


def test_a_daemon_that_dies_while_a_job_is_watched_is_told(responder: Any) -> None:
    with Client(port=responder.port, resend_seconds=(0.01,), silence_seconds=0.01) as client:
        with pytest.raises(NoAnswer):
            list(client.watch(1))


def test_a_list_that_lost_an_item_is_asked_for_again(responder: Any, client: Client) -> None:
    lost = iter((0, 1))

    def lossy(command: Message) -> Iterable[Message]:
        answers = list(daemon(command))
        if isinstance(command, QueryStems):
            del answers[next(lost)]
        return answers

    responder.answer = lossy
    assert client.stems(1) == STEMS


def test_a_list_that_never_comes_whole_is_no_list(responder: Any, client: Client) -> None:
    responder.answer = lambda command: list(daemon(command))[1:]
    with pytest.raises(NoAnswer, match="1 items of a list"):
        client.stems(1)


def count_notifications(number: int) -> Callable[[list[Message]], bool]:
    return lambda orders: sum(isinstance(order, Notify) for order in orders) == number


def test_after_a_silence_the_subscription_is_renewed_for_the_daemon_may_be_a_new_one(
    responder: Any, restless: Client
) -> None:
    responder.answer = daemon
    restless.subscribe(scope="mine", rate_hz=5)
    list(restless.watch(1))
    responder.wait_for(count_notifications(2))
    first, renewed = responder.notifications()
    assert (first.scope, first.rate, first.on) == ("mine", 5, True)
    assert replace(renewed, rid=first.rid) == first


def test_a_subscription_ends_with_its_client(responder: Any) -> None:
    responder.answer = daemon
    with Client(port=responder.port, resend_seconds=PATIENT) as client:
        client.subscribe()
    responder.wait_for(count_notifications(2))
    assert [notify.on for notify in responder.notifications()] == [True, False]


class FastClock:
    """The monotonic clock, some seconds ahead."""

    ahead_seconds = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_seconds


def test_a_lease_is_renewed_when_half_of_it_is_over(
    responder: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder.answer = daemon
    clock = FastClock()
    monkeypatch.setattr("osc_protocol.link.time", clock)
    client.subscribe(lease_seconds=3600)
    clock.ahead_seconds = 1700.0
    client.next_event(0.0)
    client.sync()  # answered after all that was sent before
    responder.wait_for(lambda orders: any(isinstance(order, Sync) for order in orders))
    assert len(responder.notifications()) == 1
    clock.ahead_seconds = 1801.0
    client.next_event(0.0)
    responder.wait_for(count_notifications(2))


def test_a_closed_client_sends_nothing_more(responder: Any) -> None:
    client = Client(port=responder.port, resend_seconds=PATIENT)
    client.close()
    client.close()
    with pytest.raises(NoAnswer, match="is down"):
        client.status()
    assert responder.commands == []
