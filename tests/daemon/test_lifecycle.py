"""What the states of queue and worker make of the whole, and which state follows which."""

from __future__ import annotations

import pytest

from daemon.lifecycle import QueueLife, WorkerLife, service_state


def test_a_queue_that_stops_is_never_open_again() -> None:
    assert QueueLife.OPEN.followed_by(QueueLife.DRAINING) is QueueLife.DRAINING
    assert QueueLife.DRAINING.followed_by(QueueLife.STOPPING) is QueueLife.STOPPING
    assert QueueLife.STOPPING.followed_by(QueueLife.DRAINING) is QueueLife.STOPPING


def test_a_worker_that_never_got_ready_is_not_started_again_at_once() -> None:
    assert WorkerLife.READY.after_its_end is WorkerLife.LOADING
    assert WorkerLife.LOADING.after_its_end is WorkerLife.ABSENT


@pytest.mark.parametrize(
    ("queue", "worker", "is_playing", "state"),
    [
        (QueueLife.OPEN, WorkerLife.LOADING, False, "loading"),
        (QueueLife.OPEN, WorkerLife.READY, False, "idle"),
        (QueueLife.OPEN, WorkerLife.ABSENT, False, "degraded"),
        (QueueLife.OPEN, WorkerLife.LOADING, True, "busy"),
        (QueueLife.DRAINING, WorkerLife.READY, True, "draining"),
        (QueueLife.STOPPING, WorkerLife.READY, True, "busy"),
    ],
)
def test_the_service_is_as_its_queue_and_worker_are(
    queue: QueueLife, worker: WorkerLife, is_playing: bool, state: str
) -> None:
    assert service_state(queue, worker, is_playing) == state
