"""Two segments at once, each on its share of the threads.

Threads that work on one tensor wait for each other after every layer, for the last and for those
that were not needed. Two lanes with a segment each meet only when both are done, and where another
program keeps a core busy neither waits for the other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from diffusion.errors import Cancelled

LANES = 2  # more would hold more in memory than demucs does
POLL_SECONDS = 0.05

Tick = Callable[[], None]
Done = TypeVar("Done")


def in_lanes(
    jobs: Iterable[Callable[[Tick], Done]], tick: Tick, *, lanes: int = LANES
) -> Iterator[Done]:
    """Give what the jobs return, in their order; `lanes` of them are at work, one more waits.

    Jobs get a tick of their own, which they call now and then. `tick` is called in the caller's
    thread only; when it raises, or the caller goes away, the jobs end at their next tick.
    """
    import torch

    threads = torch.get_num_threads()
    lanes = min(lanes, threads)
    if lanes < 2:
        for job in jobs:
            tick()
            yield job(tick)
        return
    stopping = threading.Event()

    def stop() -> None:
        if stopping.is_set():
            raise Cancelled("cancelled")

    # Torch keeps this number for each thread, and the last one set for threads yet to come.
    pool = ThreadPoolExecutor(lanes, "lane", torch.set_num_threads, (threads // lanes,))
    waiting: deque[Future[Done]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(job, stop))
            if len(waiting) > lanes:
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
