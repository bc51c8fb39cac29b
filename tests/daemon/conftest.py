from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.config import Config
from daemon.front_ends.front_end import Service
from daemon.journal import Journal
from daemon.queue import JobQueue
from osc_protocol.client import Client
from osc_protocol.generate import Generate
from osc_protocol.messages import Message, Progress

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.append(str(HERE))  # tone_engine, here and in the worker

INHERITED = [path for path in [os.environ.get("PYTHONPATH")] if path]
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
SERVE = """
import json, sys
from pathlib import Path
import tone_engine
from daemon.config import Config
from daemon.server import Daemon

more = json.loads(sys.argv[5])
more["allow_root"] = tuple(map(Path, more.get("allow_root", ())))
daemon = Daemon(Config(
    home=Path(sys.argv[1]), osc_port=0, engines=getattr(tone_engine, sys.argv[4]),
    splitter_factory="tone_engine:open_splitter", warm_engine="",
    cancel_grace_seconds=float(sys.argv[2]), max_queued_jobs=int(sys.argv[3]),
    **more,
))
daemon.start()
with daemon.stopped_by_signals():
    print(daemon.osc_port, daemon.http_port or 0, flush=True)
    daemon.serve()
    daemon.stop()
"""


@dataclass
class RunningDaemon:
    """A daemon in a process of its own, with the tone engine."""

    process: subprocess.Popen[str]
    home: Path
    port: int
    http_port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def client(self, **options: object) -> Client:
        return Client(port=self.port, **options)  # type: ignore[arg-type]

    def runs(self) -> list[tuple[int, int]]:
        """Seed and worker process of each run the engine has begun."""
        file = self.home / "runs"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(seed), int(pid)) for seed, pid in map(str.split, lines)]

    def ends_with(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)


Launch = Callable[..., RunningDaemon]


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    started: list[subprocess.Popen[str]] = []

    def start(
        home: Path,
        grace_seconds: float = 20.0,
        max_queued: int = 64,
        engines: str = "TONES",
        config: Mapping[str, object] | None = None,
        **variables: str,
    ) -> RunningDaemon:
        home.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE), *INHERITED]),
            "BACKLINE_TEST_RUNS": str(home / "runs"),
            **variables,
        }
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                SERVE,
                str(home),
                str(grace_seconds),
                str(max_queued),
                engines,
                json.dumps({"allow_root": [tempfile.gettempdir()]} | dict(config or {})),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        assert process.stdout is not None
        watchdog = threading.Timer(DEADLINE_SECONDS, process.kill)
        watchdog.start()
        ports = process.stdout.readline().split()
        watchdog.cancel()
        return RunningDaemon(process, home, *map(int, ports))

    yield start
    for process in started:
        process.kill()
        process.wait(DEADLINE_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def daemon(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> RunningDaemon:
    """One daemon for all tests of a module that leave it as it was."""
    return launch(tmp_path_factory.mktemp("home"), grace_seconds=1.0)


@pytest.fixture
def client(daemon: RunningDaemon) -> Iterator[Client]:
    with daemon.client() as client:
        client.subscribe(scope="mine")
        yield client


@pytest.fixture(scope="session")
def ask() -> Callable[..., Generate]:
    """Makes a request of one bar, told how to go by its tags."""

    def request(tags: str = "", **fields: object) -> Generate:
        wanted = {"bpm": 240.0, "key": "A minor", "bars": 1, "tags": tags} | fields
        return Generate(**wanted)  # type: ignore[arg-type]

    return request


@pytest.fixture(scope="session")
def story() -> Callable[[Client, int], list[Message]]:
    """Waits for the end of a job and gives its events, progress left out."""

    def told(client: Client, job: int) -> list[Message]:
        return [event for event in client.watch(job) if not isinstance(event, Progress)]

    return told


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Runs `backline ...` in this process with the tone engine and gives its exit status."""
    import tone_engine

    import diffusion.engines
    from daemon import cli

    monkeypatch.setattr(diffusion.engines, "ENGINES", tone_engine.TONES)
    monkeypatch.setenv("BACKLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BACKLINE_MODELS", raising=False)

    def backline(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["backline", *map(str, words)])
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return backline


@pytest.fixture
def service_in() -> Iterator[Callable[[Path], Service]]:
    """Makes what front ends are given, for a home in which no daemon runs."""
    with ExitStack() as journals:

        def service(home: Path) -> Service:
            config = Config(home=home, osc_port=0)
            config.make_folders()
            journal = journals.enter_context(closing(Journal(home / "journal.sqlite3")))
            return Service(config, journal, JobQueue(config, journal), lambda mode: None)

        yield service
