"""Parallel jobs: results in order, nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from diffusion.errors import Cancelled
from stems.splitting.parallel import in_parallel

DEADLINE_SECONDS = 20

Tick = Callable[[], None]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def no_tick() -> None:
    pass


def test_two_jobs_are_at_work_at_once_and_come_back_in_order() -> None:
    second_is_done = threading.Event()

    def first(tick: Tick) -> int:
        assert second_is_done.wait(DEADLINE_SECONDS)
        return 1

    def second(tick: Tick) -> int:
        second_is_done.set()
        return 2

    assert list(in_parallel([first, second, lambda tick: 3], no_tick)) == [1, 2, 3]


def test_jobs_share_the_threads_and_give_them_back() -> None:
    used = list(in_parallel([lambda tick: torch.get_num_threads()] * 3, no_tick))
    assert used == [1, 1, 1]
    assert torch.get_num_threads() == 2


def test_a_tick_that_raises_ends_the_jobs_within_theirs() -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(tick: Tick) -> None:
        begun.set()
        try:
            while True:
                tick()
        finally:
            ended.set()

    def cancel() -> None:
        if begun.is_set():
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        list(in_parallel([endless, endless], cancel))
    assert ended.is_set()


def test_what_a_job_raises_is_raised() -> None:
    def broken(tick: Tick) -> None:
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        list(in_parallel([lambda tick: None, broken], no_tick))
