"""Webhooks: what a client asked to be told is posted to it when its job has ended, signed.

What is still to be told lies in the home, one file a job, so that a restart forgets nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import http.client
import json
import logging
import os
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from daemon.config import Config
from daemon.front_ends.http.table_json import plain
from daemon.front_ends.osc_events import Results, as_message
from daemon.jobs import EventKind, Job
from daemon.journal_reader import JournalReader
from daemon.lan import token_in
from daemon.web_address import is_below
from osc_protocol.errors import Code, ProtocolError

log = logging.getLogger("backline.http")

HEADER, SECRET_SETTING = "backline-webhook", "webhook-secret-file"
LOOK_SECONDS = 1.0
ANSWER_SECONDS = 10.0
RETRY_SECONDS = (2.0, 10.0, 60.0, 600.0, 3600.0, 6 * 3600.0)  # then it is given up
MAX_SENDING = 8
MAX_ANSWER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Pending:
    """One job whose end is to be told: where, how often that failed, and when to try again."""

    job: int
    address: str
    failed: int = 0
    due: float = 0.0  # Unix seconds


class Webhooks:
    """The webhooks of one home; off where the settings name no target."""

    def __init__(self, config: Config, journal: JournalReader, results: Results) -> None:
        self._targets = config.webhook_target
        self._secret = token_in(config.webhook_secret_file, SECRET_SETTING).encode()
        self._folder = config.home / "webhooks"
        self._journal, self._results = journal, results
        self._sending: dict[int, asyncio.Task[None]] = {}

    def check(self, address: str) -> None:
        """Refuse an address that nothing may be sent to; raises ProtocolError."""
        if not self._targets:
            sentence = f"{HEADER} is off: the daemon's --webhook-target turns it on"
            raise ProtocolError(Code.UNSUPPORTED, sentence, HEADER)
        if not is_below(address, self._targets):
            sentence = f"{HEADER} must lie below an address that --webhook-target names"
            raise ProtocolError(Code.OUT_OF_RANGE, sentence, HEADER)

    def keep(self, job: int, address: str) -> None:
        """Have the end of a job told, also after a restart; raises ProtocolError."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._write(Pending(job, address))
        except OSError as error:
            sentence = f"the webhook cannot be kept: {error.strerror}"
            raise ProtocolError(Code.DISK_FULL, sentence, HEADER) from None

    async def watch(self) -> None:
        """Tell the ends of jobs, for as long as the task runs."""
        while self._targets:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(OSError):
                self._begin()

    def _begin(self) -> None:
        for path in sorted(self._folder.glob("*.json")):
            if len(self._sending) >= MAX_SENDING:
                return
            pending = _read(path)
            if pending is None or pending.job in self._sending or pending.due > time.time():
                continue
            job = self._journal.find(pending.job)
            if job is None or not is_below(pending.address, self._targets):
                path.unlink(missing_ok=True)  # of another journal, or not allowed any more
            elif job.state.is_final:
                task = asyncio.create_task(self._tell(pending, job))
                self._sending[pending.job] = task
                task.add_done_callback(partial(self._forget, pending.job))

    def _forget(self, job: int, task: asyncio.Task[None]) -> None:
        del self._sending[job]

    async def _tell(self, pending: Pending, job: Job) -> None:
        events = self._journal.events_of(job)
        event = next(each for each in reversed(events) if each.kind is EventKind.FINISHED)
        body = json.dumps(plain(as_message(event, self._results))).encode()
        outcome = await asyncio.to_thread(
            _post, pending.address, body, self._secret, f"{job.number}-{event.seq}"
        )
        host = urlsplit(pending.address).netloc
        if outcome in (200, 201, 202, 204):
            log.info("job %d: told %s", job.number, host)
            self._path(job.number).unlink(missing_ok=True)
        elif pending.failed >= len(RETRY_SECONDS) or outcome == 410:
            log.warning("job %d: %s said %s; it is not told any more", job.number, host, outcome)
            self._path(job.number).unlink(missing_ok=True)
        else:
            wait = RETRY_SECONDS[pending.failed]
            log.info("job %d: %s said %s; again in %g s", job.number, host, outcome, wait)
            self._write(replace(pending, failed=pending.failed + 1, due=time.time() + wait))

    def _path(self, job: int) -> Path:
        return self._folder / f"{job}.json"

    def _write(self, pending: Pending) -> None:
        partial = self._folder / f".{pending.job}.partial"
        partial.write_text(json.dumps(asdict(pending)), encoding="utf-8")
        os.replace(partial, self._path(pending.job))


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """Return the header that proves who sent a body and when: HMAC-SHA256 of both."""
    signed = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signed}"


def _read(path: Path) -> Pending | None:
    try:
        return Pending(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _post(address: str, body: bytes, secret: bytes, delivery: str) -> int | str:
    """Return the status that is answered, or why there is none; redirections are not followed."""
    found = urlsplit(address)
    kind = http.client.HTTPSConnection if found.scheme == "https" else http.client.HTTPConnection
    connection = kind(found.hostname or "", found.port, timeout=ANSWER_SECONDS)
    headers = {
        "Content-Type": "application/json",
        "Backline-Delivery": delivery,  # the same at each try
        "Backline-Signature": signature(secret, int(time.time()), body),
    }
    target = found.path + (f"?{found.query}" if found.query else "")
    try:
        connection.request("POST", target, body, headers)
        answer = connection.getresponse()
        answer.read(MAX_ANSWER_BYTES)
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
