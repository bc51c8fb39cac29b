"""Whose job comes next: priorities, owners in turn, and a queue that is paused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from daemon.turns import Turns, Waiting
from osc_protocol.client import Client
from osc_protocol.generate import Generate
from osc_protocol.messages import (
    Finished,
    Message,
    PauseQueue,
    QueuePaused,
    QueueResumed,
    ResumeQueue,
    Started,
)

Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


def waiting(number: int, owner: str = "a", priority: int = 0) -> Waiting:
    return Waiting(number, owner, priority, "", 0.0)


def order(turns: Turns, *jobs: Waiting) -> list[int]:
    return [each.number for each in turns.ordered(jobs)]


def test_one_owners_jobs_go_in_the_order_they_came() -> None:
    assert order(Turns(), waiting(2), waiting(1), waiting(3)) == [1, 2, 3]


def test_owners_take_turns() -> None:
    jobs = [waiting(1), waiting(2), waiting(3), waiting(4, "b"), waiting(5, "b")]
    assert order(Turns(), *jobs) == [1, 4, 2, 5, 3]


def test_who_was_served_last_waits_for_the_others() -> None:
    turns = Turns()
    turns.take("a")
    assert order(turns, waiting(2), waiting(3, "b"), waiting(4, "c")) == [3, 4, 2]


def test_a_higher_priority_goes_before_all_others() -> None:
    jobs = [waiting(1), waiting(2, "b", -9), waiting(3, "a", 9), waiting(4, "b")]
    assert order(Turns(), *jobs) == [3, 1, 4, 2]


def test_a_paused_queue_accepts_and_starts_nothing_also_in_its_next_daemon(
    launch, tmp_path: Path, ask: Ask, story: Story
) -> None:
    first = launch(tmp_path)
    with first.client() as client:
        paused = client.ask(PauseQueue, QueuePaused)
        assert paused.queued == 0
        low = client.submit(ask("refuse", seed=1)).job
        high = client.submit(ask("refuse", seed=2, priority=3))
        assert high.queue_position == 0
        assert client.status().state == "paused"
        client.quit("drain")  # what waits is left to the next daemon
    assert first.process.wait(DEADLINE_SECONDS) == 0

    second = launch(tmp_path)
    with second.client() as client:
        client.subscribe()
        assert {client.job(each).state for each in (low, high.job)} == {"queued"}
        assert client.ask(ResumeQueue, QueueResumed).queued == 2
        started = []
        while len(started) < 2:
            event = client.next_event(DEADLINE_SECONDS)
            assert event is not None
            if isinstance(event, Started):
                started.append(event.job)
        assert started == [high.job, low]
        assert isinstance(story(client, low)[-1], Finished)
        client.quit()
    assert second.process.wait(DEADLINE_SECONDS) == 0


def test_what_was_learned_of_earlier_jobs_tells_how_long_the_next_will_take(
    client: Client, ask: Ask, story: Story
) -> None:
    first = client.submit(ask(seed=901))
    assert first.eta_seconds == -1.0 or first.eta_seconds > 0  # nothing, or an earlier test's
    story(client, first.job)
    later = client.submit(ask(seed=902))
    assert later.eta_seconds > 0
    story(client, later.job)
    assert client.submit(ask(seed=902), rid=client.job(later.job).job_rid).eta_seconds == 0.0
