"""Two segments at once, each on its share of the threads.

Threads that share one tensor wait for the slowest after every layer. Two jobs with a segment each
wait for each other only at their end, and not at all where another program keeps a core busy.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from diffusion.errors import Cancelled

AT_ONCE = 2  # more would hold more in memory than demucs does
POLL_SECONDS = 0.05

Tick = Callable[[], None]
Done = TypeVar("Done")


def in_parallel(
    jobs: Iterable[Callable[[Tick], Done]], tick: Tick, *, at_once: int = AT_ONCE
) -> Iterator[Done]:
    """Yield what the jobs return, in their order; `at_once` of them run, one more waits.

    Jobs get a tick of their own, which they call now and then. `tick` is called in the caller's
    thread only; when it raises, or the caller stops, the jobs end at their next tick.
    """
    import torch

    threads = torch.get_num_threads()
    at_once = min(at_once, threads)
    if at_once < 2:
        for job in jobs:
            tick()
            yield job(tick)
        return
    stopping = threading.Event()

    def stop() -> None:
        if stopping.is_set():
            raise Cancelled("cancelled")

    # Torch keeps this number for each thread, and the last one set for threads yet to come.
    pool = ThreadPoolExecutor(at_once, "segment", torch.set_num_threads, (threads // at_once,))
    waiting: deque[Future[Done]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(job, stop))
            if len(waiting) > at_once:
                yield _result(waiting.popleft(), tick)
        while waiting:
            yield _result(waiting.popleft(), tick)
    finally:
        stopping.set()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)


def _result(future: Future[Done], tick: Tick) -> Done:
    tick()
    while not wait([future], POLL_SECONDS).done:
        tick()
    return future.result()
