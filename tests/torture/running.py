"""Daemons with the tone engine of the tests, as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from osc_protocol.generate import Generate
from tests.daemon.conftest import DEADLINE_SECONDS, HERE, ROOT, SERVE, RunningDaemon


def small_job(seed: int, tags: str = "") -> Generate:
    """Return the request of the least there is: one stem of 0.2 s."""
    return Generate(bpm=300.0, key="C", bars=1, meter="1/4", stems=("drums",), seed=seed, tags=tags)


def start(
    home: Path, *, variables: Mapping[str, str] | None = None, **config: object
) -> RunningDaemon:
    """Start a daemon in a home and return it once it answers; `variables` of its environment."""
    home.mkdir(parents=True, exist_ok=True)
    paths = [str(ROOT), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "BACKLINE_TEST_RUNS": str(home / "runs"),
        **(variables or {}),
    }
    more = {"allow_root": [tempfile.gettempdir()]} | config
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home), "5", "64", "TONES", json.dumps(more)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    ports = process.stdout.readline().split()
    return RunningDaemon(process, home, *map(int, ports))


def workers(daemon: RunningDaemon) -> list[int]:
    """Return the processes of a daemon's workers; Linux only."""
    found = []
    for task in Path(f"/proc/{daemon.process.pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
    return found


def end(daemon: RunningDaemon) -> None:
    """Kill a daemon, if it is not gone yet."""
    daemon.process.kill()
    daemon.process.wait(DEADLINE_SECONDS)
    assert daemon.process.stdout is not None
    daemon.process.stdout.close()


@contextmanager
def running(
    home: Path, *, variables: Mapping[str, str] | None = None, **config: object
) -> Iterator[RunningDaemon]:
    """A daemon for as long as this context lasts."""
    daemon = start(home, variables=variables, **config)
    try:
        yield daemon
    finally:
        end(daemon)
