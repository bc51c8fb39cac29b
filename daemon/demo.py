"""The whole way once, as a newcomer sees it: a daemon, a request over OSC, four stems."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.config import Config
from daemon.errors import DaemonError
from daemon.running import ROOT, daemon_answers, environment, serve_command
from daemon.screen import say_aside
from daemon.sending import send_and_watch
from osc_protocol.client import Client
from osc_protocol.generate import Generate
from stems.manifest import Manifest

STOP_SECONDS = 10.0


def play(out_dir: Path) -> tuple[Manifest, Path]:
    """Have a daemon play 8 bars at 96 BPM in A minor, our melody sung, into `out_dir`.

    Uses the daemon on the usual port if one runs, else starts one on a free port with a home
    of its own that is gone afterwards.
    """
    request = Generate(
        bpm=96.0, key="A minor", bars=8, melody_path=str(melody()), lead="vocals",
        tags="pop, energetic, electric piano", seed=4, project="backline demo",
    )  # fmt: skip
    port = Config().osc_port
    if port and daemon_answers(port):
        say_aside(f"using the daemon that runs on port {port}")
        with Client(port=port, name="backline demo") as client:
            return send_and_watch(client, request, out_dir)
    with _own_daemon() as port, Client(port=port, name="backline demo") as client:
        say_aside(f"sending /backline/generate to the daemon at udp://127.0.0.1:{port}")
        try:
            return send_and_watch(client, request, out_dir)
        finally:
            client.quit()


def melody() -> Path:
    """Return the example melody: the clone's, or the copy that is installed with this package."""
    in_clone = ROOT / "examples" / "melody.mid"
    return in_clone if in_clone.is_file() else Path(__file__).with_name("demo_melody.mid")


@contextmanager
def _own_daemon() -> Iterator[int]:
    """Run a daemon as a child on a free port, and give the port."""
    # Ctrl-C is for us: we cancel the job and stop the daemon in order.
    apart = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with (
        tempfile.TemporaryDirectory(prefix="backline-demo-", ignore_cleanup_errors=True) as home,
        subprocess.Popen(
            serve_command("--osc-port", "0", "--home", home),
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=os.name == "posix",
            creationflags=apart,
        ) as child,
    ):
        assert child.stdout is not None
        try:
            yield port_in(child.stdout.readline())
        finally:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def port_in(line: str) -> int:
    """Read the port out of the line with which `backline serve` says that it listens."""
    found = re.search(r"udp://127\.0\.0\.1:(\d+)", line)
    if found is None:
        raise DaemonError("the daemon did not start; run `backline serve` to see why")
    return int(found[1])
