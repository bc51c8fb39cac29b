"""Jobs of several requests in one batch, each with an end of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Launch, RunningDaemon
from tone_engine import BatchToneEngine

from daemon.config import Config
from daemon.errors import UsageError
from daemon.pipeline.batches import BatchedEngine
from daemon.pipeline.conditions import conditions_of
from diffusion.engine import Generation
from diffusion.errors import Cancelled, EngineError
from diffusion.facts import EngineFacts
from osc_protocol.client import Client
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished, Message

Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]


class Choir(BatchToneEngine):
    """Remembers its batches by their seeds; fails where a batch holds a seed it cannot stand."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self.fault = fault

    def generate_batch(self, batch: Any, progress: Any, cancelled: Any) -> list[Generation]:
        self.batches.append([each.seed for each in batch])
        if self.fault is not None and len(batch) > 1:
            raise self.fault
        return [
            Generation(facts=EngineFacts(remarks=(str(each.seed), each.tags))) for each in batch
        ]


def heard(engine: BatchedEngine, request: Generate) -> tuple[str, ...]:
    asked, _ = conditions_of(request, None)
    return engine.generate(asked, lambda stage, done: None, lambda: False).facts.remarks


@pytest.fixture
def three(ask: Ask) -> list[Generate]:
    return [ask("one", seed=1), ask("two", seed=2), ask("three", seed=3, bars=2)]


def test_what_waits_and_is_alike_is_played_along_and_is_there_when_its_job_comes(
    three: list[Generate],
) -> None:
    choir = Choir()
    engine = BatchedEngine(choir)
    for number, request in enumerate(three):
        engine.expect([each.as_dict() for each in three[number + 1 :]])
        assert heard(engine, request) == (str(request.seed), request.tags)
    assert choir.batches == [[1, 2], [3]]


def test_a_sound_that_nobody_awaits_any_more_is_forgotten(three: list[Generate]) -> None:
    choir = Choir()
    engine = BatchedEngine(choir)
    engine.expect([three[1].as_dict()])
    heard(engine, three[0])
    engine.expect([])  # the second job was cancelled
    heard(engine, three[2])
    heard(engine, three[1])  # and comes again
    assert choir.batches == [[1, 2], [3], [2]]


def test_a_batch_that_fails_is_played_again_without_the_others(
    three: list[Generate],
) -> None:
    choir = Choir(EngineError("too much at once"))
    engine = BatchedEngine(choir)
    engine.expect([three[1].as_dict(), {"bpm": "no request"}])
    assert heard(engine, three[0]) == ("1", "one")
    assert choir.batches == [[1, 2], [1]]


def test_a_batch_that_is_cancelled_is_not_played_again(three: list[Generate]) -> None:
    choir = Choir(Cancelled("cancelled"))
    engine = BatchedEngine(choir)
    engine.expect([three[1].as_dict()])
    with pytest.raises(Cancelled):
        heard(engine, three[0])
    assert choir.batches == [[1, 2]]


@pytest.fixture(scope="module")
def gathering(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon whose jobs wait for each other as long as a busy machine may need to send three."""
    yield launch(
        tmp_path_factory.mktemp("home"), engines="TONES_IN_BATCHES", BACKLINE_CLUSTER_SECONDS="3"
    )


@pytest.mark.slow
def test_three_requests_are_one_run_and_the_one_that_is_cancelled_leaves_the_others_whole(
    gathering: RunningDaemon, ask: Ask, story: Story
) -> None:
    with gathering.client() as client:
        client.subscribe(scope="mine")
        jobs = [client.submit(ask(f"song {seed}", seed=seed)).job for seed in (11, 12, 13)]
        client.cancel(jobs[1])
        ends = [story(client, job)[-1] for job in jobs]
    states = [end.state for end in ends if isinstance(end, Finished)]
    assert states == ["done", "cancelled", "done"]
    assert [seed for seed, _ in gathering.runs()] == [11]
    folders = [gathering.home / "jobs" / str(job) for job in jobs]
    assert [os.path.exists(folder / "manifest.json") for folder in folders] == [True, False, True]


def test_the_moment_to_wait_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BACKLINE_CLUSTER_SECONDS", "1.5")
    assert Config(tmp_path).cluster_seconds == 1.5
    monkeypatch.setenv("BACKLINE_CLUSTER_SECONDS", "soon")
    with pytest.raises(UsageError, match="must be from 0 to 60 seconds, not 'soon'"):
        Config(tmp_path)
