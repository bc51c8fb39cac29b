from __future__ import annotations

import threading
import time
from pathlib import Path

import tone_engine

from daemon.config import Config
from daemon.worker import Worker
from daemon.worker_messages import Exited, Play, Ready, Report


def test_a_large_order_is_not_waited_for_while_the_worker_loads(tmp_path: Path) -> None:
    config = Config(home=tmp_path, osc_port=0, engines=tone_engine.SLOW_TO_LOAD)
    config.make_folders()
    came: list[Report] = []
    ended = threading.Event()

    def take(worker: Worker, report: Report) -> None:
        came.append(report)
        if isinstance(report, Exited):
            ended.set()

    worker = Worker(config, take)
    started = time.monotonic()
    worker.send(Play(1, {"kind": "x" * 1_400_000}, str(tmp_path)))  # no pipe holds as much
    assert time.monotonic() - started < tone_engine.SLOW_SECONDS / 2
    worker.stop(60.0)
    assert ended.wait(60.0)
    assert any(isinstance(report, Ready) for report in came)
