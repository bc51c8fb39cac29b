"""Jobs that another backline plays, over its HTTP.

A job has the same key there whenever it is asked for, so that asking again, after a cut or a
restart of either side, finds it. Its files are fetched by their hashes and land here whole.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from daemon.config import Config
from daemon.journal_reader import JournalReader
from daemon.lan import token_in
from daemon.library import JOURNAL_NAME
from daemon.player import CancelFlag, Player, Progress
from daemon.remote_connection import Away, Connection
from daemon.worker_messages import Play
from diffusion.errors import Cancelled
from osc_protocol.errors import Code, ProtocolError, refusal
from osc_protocol.messages import REQUESTS
from stems.manifest import MANIFEST_NAME, Manifest, write_manifest
from stems.staging import plain_disk_errors, publish, staging

LOOK_SECONDS = 0.2
MOST_WAIT_SECONDS = 5.0  # between two tries to reach the other machine
AWAY_SECONDS = 10.0  # until it is given up, where this machine is to play instead
FIRST_KIND = "generate"  # whose stored requests have no kind
KEY = "job-"  # and its number here: under that a job is known there
Result = TypeVar("Result")


class _GivenUp(Exception):
    """This machine is to play the job."""


class RemotePlayer:
    """Has jobs played by the backline at `play-on`, or by `local` where that is away and wanted.

    What it asks for there is written down until it has ended there: also what is cancelled while
    the line is cut, or ends with this process, is then cancelled there as soon as that can be.
    """

    def __init__(self, config: Config, local: Player) -> None:
        self._config, self._local = config, local
        folder = config.home / "remote"
        self._begun = folder / "begun"
        self._begun.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A cancel must be seen before this process is killed for it.
        patience_seconds = min(max(config.cancel_grace_seconds / 2, 1.0), 30.0)
        token = token_in(config.token_file)
        self._far = Connection(config.play_on, token, _name_in(folder), patience_seconds)
        threading.Thread(target=self._settle_begun, name="cancels", daemon=True).start()

    def warm_up(self) -> str:
        """Load nothing: the other machine does."""
        return ""

    def play(
        self, order: Play, folder: Path, progress: Progress, cancelled: CancelFlag
    ) -> Manifest:
        """Play a job there; see Player."""
        played = _Played(self._far, self._config, order, cancelled)
        begun = self._begun / played.key
        begun.touch()
        try:
            manifest = played.manifest(folder, progress)
        except Cancelled:
            self._cancel(begun)
            raise
        except _GivenUp:
            return self._local.play(order, folder, progress, cancelled)
        except ProtocolError:  # it has ended, or was never taken
            begun.unlink(missing_ok=True)
            raise
        begun.unlink(missing_ok=True)
        return manifest

    def _settle_begun(self) -> None:
        """Cancel there, again and again, what has ended here without them."""
        never = threading.Event()
        while True:
            never.wait(MOST_WAIT_SECONDS)
            with (
                suppress(sqlite3.Error, OSError),
                closing(JournalReader(self._config.home / JOURNAL_NAME)) as journal,
            ):
                for begun in self._begun.iterdir():
                    job = journal.find(int(begun.name.removeprefix(KEY)))
                    if job is not None and job.state.is_final:
                        self._cancel(begun)

    def _cancel(self, begun: Path) -> None:
        with suppress(Away):
            with suppress(ProtocolError):  # it does not know the job
                self._far.ask("DELETE", f"/v1/jobs/{begun.name}")
            begun.unlink(missing_ok=True)


class _Played:
    """One job, from its request to its files."""

    def __init__(self, far: Connection, config: Config, order: Play, cancelled: CancelFlag) -> None:
        self._far, self._config, self._order, self._cancelled = far, config, order, cancelled
        self.key = f"{KEY}{order.number}"

    def manifest(self, folder: Path, progress: Progress) -> Manifest:
        """Play it and land its files in `folder`."""
        body = self._body()
        headers = {"Idempotency-Key": self.key}
        self._insist(lambda: self._far.ask("POST", "/v1/jobs", body, headers))
        while not self._is_done(progress):
            time.sleep(LOOK_SECONDS)
        return self._land(folder, progress)

    def _body(self) -> dict[str, object]:
        """Return the request as the other takes it, its files sent before."""
        request = self._order.request
        kind = str(request.get("kind") or "")
        body = {**request, "kind": kind or FIRST_KIND}
        for argument in REQUESTS[kind].row.paths:
            name = argument.stored_as
            if body.get(name):
                body[name] = self._sent(argument.field, argument.kind, str(body[name]))
        return body

    def _sent(self, field: str, kind: str, text: str) -> str:
        """Return what names a file there: an upload, or a job that was played there as well."""
        path = Path(text)
        if kind == "path" and path.is_file() and path.name != MANIFEST_NAME:
            return self._insist(lambda: self._far.upload(path))
        if path.name == MANIFEST_NAME:
            path = path.parent
        if kind == "path" and path.parent == self._config.jobs_folder:
            return f"job:{KEY}{path.name}"
        there = f" is on this machine and cannot be sent to {self._far.host}: {text!r}"
        raise refusal(field, there, Code.PATH_FORBIDDEN)

    def _is_done(self, progress: Progress) -> bool:
        job = self._insist(lambda: self._far.ask("GET", f"/v1/jobs/{self.key}"))
        match job["state"]:
            case "done":
                return True
            case "failed":
                raise ProtocolError(int(job["error_code"]), f"{self._far.host}: {job['message']}")
            case "cancelled":
                raise Cancelled(f"cancelled on {self._far.host}")
            case "running":
                progress(str(job["stage"]), float(job["fraction"]))
        return False

    def _land(self, folder: Path, progress: Progress) -> Manifest:
        """Fetch all files that the manifest names; under it here they are this daemon's job."""
        here = f"/v1/jobs/{self.key}"
        told = self._insist(lambda: self._far.ask("GET", f"{here}/manifest.json"))
        manifest = replace(
            Manifest.from_dict(told), job=str(self._order.number), request=self._order.request
        )
        with staging(folder) as place, plain_disk_errors(folder):
            for number, entry in enumerate(manifest.files):
                path = PurePosixPath(entry.path)
                if path.is_absolute() or ".." in path.parts or "\\" in entry.path:
                    raise ProtocolError(Code.INTERNAL, f"{self._far.host} names the file {path}")
                target, size, sha256 = place / path, entry.bytes, entry.sha256
                whole = f"{here}/files/{entry.path}"
                self._insist(lambda w=whole, t=target, n=size, s=sha256:  # type: ignore[misc]
                             self._far.download(w, t, n, s))  # fmt: skip
                progress("write", (number + 1) / len(manifest.files))
            write_manifest(place / MANIFEST_NAME, manifest)
            publish(place, folder)
        return manifest

    def _insist(self, ask: Callable[[], Result]) -> Result:
        """Ask until there is an answer; raises Cancelled, _GivenUp and what ask() does but Away."""
        began, wait_seconds = time.monotonic(), LOOK_SECONDS
        while True:
            if self._cancelled():
                raise Cancelled("cancelled")
            try:
                return ask()
            except Away:
                lost_seconds = time.monotonic() - began
                if self._config.when_away == "local" and lost_seconds > AWAY_SECONDS:
                    raise _GivenUp from None
            until = time.monotonic() + wait_seconds
            while time.monotonic() < until and not self._cancelled():
                time.sleep(LOOK_SECONDS)
            wait_seconds = min(2 * wait_seconds, MOST_WAIT_SECONDS)


def _name_in(folder: Path) -> str:
    """Return under which name this home's jobs are known there, made once."""
    file = folder / "name"
    with suppress(FileExistsError), file.open("x") as new:
        new.write(secrets.token_hex(16))
    return file.read_text()
