"""What every kind of worker keeps to: this machine's, and one that another backline plays for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import pytest
import tone_engine

from daemon.config import Config
from daemon.jobs import JobState
from daemon.worker import Worker
from daemon.worker_messages import (
    Alive,
    Cancel,
    Ended,
    Exited,
    Play,
    Progressed,
    Ready,
    Report,
    Stop,
)
from osc_protocol.errors import Code
from osc_protocol.generate import Generate
from stems.manifest import read_manifest, sha256_of

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
Ask = Callable[..., Generate]


@dataclass
class Hand:
    """A worker of either kind, what it has reported, and the other side where there is one."""

    config: Config
    far: Any = None
    came: list[Report] = field(default_factory=list)
    queue: SimpleQueue[Report] = field(default_factory=SimpleQueue)
    is_over: bool = False
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.worker = Worker(self.config, lambda worker, report: self.queue.put(report))
        self.is_over = False

    def folder(self, number: int) -> Path:
        return self.config.jobs_folder / str(number)

    def play(self, request: Generate, number: int = 0) -> int:
        number = number or next(self.numbers)
        self.worker.send(Play(number, request.as_dict(), str(self.folder(number))))
        return number

    def until(self, wanted: Callable[[Report], bool]) -> Any:
        while True:
            report = self.queue.get(timeout=DEADLINE_SECONDS)
            self.came.append(report)
            self.is_over = self.is_over or isinstance(report, Exited)
            if wanted(report):
                return report

    def end(self, number: int) -> Ended:
        found = self.until(lambda each: isinstance(each, Ended) and each.number == number)
        assert isinstance(found, Ended)
        return found

    def until_it_plays(self) -> None:
        self.until(lambda each: isinstance(each, Progressed) and each.fraction > 0)

    def close(self) -> None:
        if not self.is_over:
            self.worker.kill()
            self.until(lambda each: isinstance(each, Exited))

    def far_jobs(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.far.url}/v1/jobs", params={"limit": 100}).json()["jobs"]


@pytest.fixture(scope="module")
def far(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    return launch(tmp_path_factory.mktemp("far"), grace_seconds=1.0, config={"http_port": 0})


Begin = Callable[..., Hand]


@pytest.fixture(scope="module")
def begin(far: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Starts a worker: local, or one for which the other daemon plays."""
    started: list[Hand] = []

    def start(kind: str, **more: Any) -> Hand:
        tmp_path = tmp_path_factory.mktemp(kind)
        config = Config(
            home=tmp_path / "home", osc_port=0, engines=tone_engine.TONES, warm_engine="",
            splitter_factory="tone_engine:open_splitter", cancel_grace_seconds=4.0,
            allow_root=(tmp_path,),
            **({"play_on": far.url} if kind == "remote" else {}) | more,
        )  # fmt: skip
        config.make_folders()
        hand = Hand(config, far)
        started.append(hand)
        return hand

    yield start
    for hand in started:
        hand.close()


@pytest.fixture(scope="module", params=["local", "remote"])
def either(request: pytest.FixtureRequest, begin: Begin) -> Hand:
    return begin(request.param)


@pytest.fixture
def hand(either: Hand) -> Hand:
    """A worker that is there; a test may have ended it."""
    if either.is_over:
        either.begin()
    either.came.clear()
    return either


def sums(hand: Hand, number: int) -> dict[str, str]:
    manifest = read_manifest(hand.folder(number), check_hashes=True)
    return {each.path: each.sha256 for each in manifest.files if each.role in ("stem", "mix")}


def test_a_job_is_played_into_its_folder_whole(hand: Hand, ask: Ask) -> None:
    number = hand.play(ask(seed=5))
    ended = hand.end(number)
    assert (ended.state, ended.error_code, ended.message) == (JobState.DONE, 0, "")
    manifest = read_manifest(hand.folder(number), check_hashes=True)
    assert (manifest.job, manifest.request) == (str(number), ask(seed=5).as_dict())
    assert [each["name"] for each in ended.stems] == ["drums", "bass", "melody", "vocals"]
    for stem in ended.stems:
        path = Path(str(stem["path"]))
        assert path.parent == hand.folder(number) and stem["sha256"] == f"sha256:{sha256_of(path)}"
    assert not [each for each in hand.folder(number).iterdir() if each.name.startswith(".")]


def test_it_is_ready_first_and_tells_how_far_it_is(hand: Hand, ask: Ask) -> None:
    hand.close()
    hand.begin()
    hand.end(hand.play(ask()))
    told = [each for each in hand.came if not isinstance(each, Alive | Exited)]
    assert isinstance(told[0], Ready)
    fractions = [each.fraction for each in told if isinstance(each, Progressed)]
    assert fractions and fractions[-1] == 1.0


def test_jobs_are_played_in_their_order_one_at_a_time(hand: Hand, ask: Ask) -> None:
    numbers = [hand.play(ask(seed=seed)) for seed in (1, 2, 3)]
    assert [hand.end(number).state for number in numbers] == [JobState.DONE] * 3


def test_a_job_that_plays_is_cancelled_and_leaves_nothing(hand: Hand, ask: Ask) -> None:
    number = hand.play(ask("hold"))
    hand.until_it_plays()
    hand.worker.send(Cancel(number))
    assert hand.end(number).state is JobState.CANCELLED
    assert not hand.folder(number).exists()
    assert hand.end(hand.play(ask())).state is JobState.DONE


def test_a_job_that_waits_is_cancelled_before_it_begins(hand: Hand, ask: Ask) -> None:
    plays, waits = hand.play(ask("hold")), hand.play(ask())
    hand.until_it_plays()
    hand.worker.send(Cancel(waits))
    hand.worker.send(Cancel(plays))
    assert [hand.end(number).state for number in (plays, waits)] == [JobState.CANCELLED] * 2


def test_what_an_engine_refuses_is_its_sentence(hand: Hand, ask: Ask) -> None:
    ended = hand.end(hand.play(ask("refuse")))
    assert (ended.state, ended.error_code) == (JobState.FAILED, Code.MODEL_UNAVAILABLE)
    assert ended.message and "Traceback" not in ended.message


def test_a_full_memory_is_said_to_be_that(hand: Hand, ask: Ask) -> None:
    assert hand.end(hand.play(ask("full-memory"))).error_code == Code.OUT_OF_MEMORY


def test_a_folder_that_cannot_be_written_is_a_sentence(hand: Hand, ask: Ask) -> None:
    number = next(hand.numbers)
    hand.folder(number).write_text("in the way")
    hand.play(ask(), number)
    ended = hand.end(number)
    assert ended.state is JobState.FAILED and "cannot be written" in ended.message


def test_a_crash_ends_the_job_with_a_report(hand: Hand, ask: Ask) -> None:
    hand.play(ask("die"))
    found = hand.until(lambda each: isinstance(each, Exited | Ended))
    if isinstance(found, Ended):  # of the other side's worker
        assert found.state is JobState.FAILED and "died" in found.message
    else:
        assert found.exit_status


def test_it_shows_life_while_it_plays_and_ends_when_killed(hand: Hand, ask: Ask) -> None:
    hand.play(ask("hold"))
    hand.until_it_plays()
    hand.until(lambda each: isinstance(each, Alive))
    assert hand.worker.watch() < DEADLINE_SECONDS
    hand.worker.kill()
    exited = hand.until(lambda each: isinstance(each, Exited))
    if hand.config.play_on:  # what it played goes on there until the daemon says that it ended
        httpx.delete(f"{hand.far.url}/v1/jobs/{hand.far_jobs()[0]['job']}")
    assert exited.exit_status == (-9 if os.name == "posix" else exited.exit_status)


def test_it_stops_by_itself_between_jobs(hand: Hand, ask: Ask) -> None:
    hand.end(hand.play(ask()))
    threading.Thread(target=hand.worker.stop, args=(DEADLINE_SECONDS,)).start()
    exited = hand.until(lambda each: isinstance(each, Exited))
    assert exited.exit_status == 0
    hand.worker.send(Stop())  # to one that is gone does nothing


def test_both_kinds_give_the_same_sound(begin: Begin, ask: Ask) -> None:
    here, there = begin("local"), begin("remote")
    number = 3
    for hand in (here, there):
        hand.play(ask(seed=9, takes=2), number)
        assert hand.end(number).state is JobState.DONE
    assert sums(here, number) == sums(there, number)
