"""The terminal's side of a running daemon: send a request, watch its job, fetch it."""

from __future__ import annotations

import secrets
from pathlib import Path

from daemon.errors import DaemonError, Interrupted
from daemon.results import fetch
from daemon.screen import progress_bar, say_aside
from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.messages import AnyRequest, Finished, Progress
from stems.manifest import Manifest


def send_and_watch(
    client: Client, request: AnyRequest, out_dir: Path | None
) -> tuple[Manifest, Path]:
    """Send `request`, show its progress, wait for its end; returns manifest and folder.

    Ctrl-C cancels the job in the daemon and raises Interrupted once that is done. A job that
    failed raises the ProtocolError it failed with.
    """
    client.subscribe(scope="mine")
    rid = secrets.token_hex(8)  # known before the job's number: Ctrl-C may come at any time
    try:
        finished = _watch(client, client.submit(request, rid=rid).job)
    except KeyboardInterrupt:
        say_aside("cancelling the job")
        finished = _watch(client, client.cancel(rid).job)
    if finished.state == "cancelled":
        raise Interrupted(f"job {finished.job} was cancelled; nothing was written")
    if finished.state == "failed":
        code = finished.error_code or Code.INTERNAL
        raise ProtocolError(code, f"job {finished.job} failed: {finished.message}")
    folder = Path(finished.folder)
    return fetch(folder, out_dir), out_dir or folder


def _watch(client: Client, job: int) -> Finished:
    with progress_bar() as show:
        show("", 0.0)
        for event in client.watch(job):
            if isinstance(event, Progress):
                show(event.stage, event.fraction)
            if isinstance(event, Finished):
                if event.state == "done":
                    show("done", 1.0)
                return event
    raise DaemonError(f"the daemon sent no end of job {job}")
