"""OSC packets as files, for clients without a socket: a script inside a DAW, say.

In <home>/spool are `daemon.json`, a sign of life; `in`, where a client puts each packet as a file
<unix milliseconds>-<session>-<number>.osc; and `out`, with a folder of answers and events for
each session. A file appears under its name complete: it is written as .tmp and renamed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
import time
from pathlib import Path

from daemon.config import OSC_HOST
from daemon.errors import DaemonError
from daemon.front_ends.exchange import Exchange
from daemon.front_ends.front_end import Service
from daemon.front_ends.inbox import Inbox, check_private, read_packet, session_and_time
from daemon.front_ends.outbox import PARTIAL_SUFFIX, Outbox
from daemon.front_ends.subscribers import Address
from osc_protocol import messages as osc
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.protocol import PROTOCOL_MAJOR
from stems.version import backline_version

log = logging.getLogger("backline.spool")

MAX_PACKET_BYTES = 2 << 20
MAX_AGE_SECONDS = 30.0  # what a crashed script has left is not played: nobody waits for it
BEING_WRITTEN_SECONDS = 2.0  # where a client cannot rename, a file is seen before it is written
FILES_A_ROUND = 32  # a flood waits in its folder; it takes no more than its share of the daemon
BUSY_PAUSE_SECONDS, LIVE_PAUSE_SECONDS, IDLE_PAUSE_SECONDS = 0.005, 0.050, 0.250
LIVE_SECONDS = 10.0  # a session counts as live so long after its last packet
FORGOTTEN_SECONDS = 24 * 3600.0
SWEEP_SECONDS = 3600.0

_DROPPABLE = (
    osc.Progress, osc.Heartbeat, osc.UiBusy, osc.UiError, osc.UiEta, osc.UiProgress, osc.UiStage,
    osc.UiState,
)  # fmt: skip


class SpoolFrontEnd:
    """The spool of one daemon, from open() to close(); the home must be the daemon's own."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._folder = service.config.spool_folder
        self._in, self._out = self._folder / "in", self._folder / "out"
        self._exchange = Exchange(service, self._send, MAX_PACKET_BYTES)
        self._outboxes: dict[str, Outbox] = {}
        self._outbox_lock = threading.Lock()  # answers and events come from two threads
        self._inbox = Inbox(self._in, FILES_A_ROUND)
        self._carried_out: set[str] = set()  # files that would not go away
        self._last_packet_seconds = self._last_sweep_seconds = float("-inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="spool", daemon=True)

    def open(self) -> None:
        """Make the folders and write the sign of life; raises DaemonError."""
        try:
            for folder in (self._folder, self._in, self._out):
                check_private(folder)
            self._write_sign_of_life()
        except OSError as error:
            reason = error.strerror or str(error)
            raise DaemonError(f"spool {self._folder} cannot be used: {reason}") from error

    def start(self) -> None:
        """Begin to take packets, and to send the queue's events."""
        self._service.queue.listeners.append(self._exchange.publish)
        self._thread.start()

    def heartbeat(self) -> None:
        """Write the sign of life, send heartbeats, and end leases that are over."""
        self._exchange.heartbeat()
        with contextlib.suppress(OSError):  # Windows: somebody reads it just now
            self._write_sign_of_life()

    def close(self, reason: str) -> None:
        """Say goodbye to the subscribers; what still waits in the folder is left there."""
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2.0)
        self._exchange.say_bye(reason)
        with contextlib.suppress(OSError):
            (self._folder / "daemon.json").unlink(missing_ok=True)

    def _write_sign_of_life(self) -> None:
        facts = {
            "protocol": PROTOCOL_MAJOR,
            "version": backline_version(),
            "epoch": self._service.journal.epoch,
            "pid": os.getpid(),
            "osc_port": self._service.ports.get("osc", 0),
            "time": time.time(),
        }
        partial = self._folder / "daemon.json.tmp"
        partial.write_text(json.dumps(facts) + "\n", encoding="utf-8", newline="\n")
        os.replace(partial, self._folder / "daemon.json")

    def _watch(self) -> None:
        pause_seconds = 0.0
        while not self._closing.wait(pause_seconds):
            try:
                self._take_round()
                self._sweep()
            except OSError as error:  # the folder was removed, or the disk is gone for a moment
                log.warning("the spool cannot be read: %s", error)
                with contextlib.suppress(OSError):
                    check_private(self._in)
            quiet_seconds = time.monotonic() - self._last_packet_seconds
            is_live = quiet_seconds < LIVE_SECONDS or self._exchange.subscribers.listening()
            pause_seconds = LIVE_PAUSE_SECONDS if is_live else IDLE_PAUSE_SECONDS
            if self._inbox.has_more:
                pause_seconds = BUSY_PAUSE_SECONDS

    def _take_round(self) -> None:
        names = self._inbox.round()
        held: set[str] = set()  # sessions with a file that cannot be read yet: order is kept
        for name in names:
            if self._closing.is_set():
                return
            session = self._session_of(name)
            if session in held:
                continue
            if name not in self._carried_out:
                try:
                    if session is not None:
                        self._take(self._in / name, session)
                except FileNotFoundError:
                    pass
                except PermissionError as error:
                    if os.name != "posix":  # Windows: a scanner holds it
                        held.add(session or "")
                        continue
                    log.warning("%s is removed unread: %s", name, error.strerror)
                except OSError as error:  # the next round tries again
                    log.warning("%s cannot be read yet: %s", name, error)
                    held.add(session or "")
                    continue
            self._remove(name)

    def _session_of(self, name: str) -> str | None:
        """Whose packet it is; None for one that must not be carried out any more, or ever."""
        found = session_and_time(name)
        if found is None:
            log.warning("%.80r is not the name of a request; it is removed", name)
            return None
        if not _is_recent(name):
            log.warning("%s is not of the last %g s; it is removed", name, MAX_AGE_SECONDS)
            return None
        return found[0]

    def _take(self, path: Path, session: str) -> None:
        """Carry out one file; raises OSError when it cannot be read, and nothing else."""
        source: Address = (OSC_HOST, session)
        packet, written_seconds = read_packet(path, MAX_PACKET_BYTES + 1)
        self._last_packet_seconds = time.monotonic()
        if not packet and time.time() - written_seconds < BEING_WRITTEN_SECONDS:
            raise OSError("it is empty, and may be being written")
        try:
            if len(packet) > MAX_PACKET_BYTES:
                sentence = f"a packet must have at most {MAX_PACKET_BYTES} bytes"
                raise ProtocolError(Code.TOO_LARGE, sentence)
            self._exchange.take(packet, source)
        except ProtocolError as error:
            log.warning("%s was not understood: %s", path.name, error)
            self._exchange.answer(osc.ErrorReply.of("", "", error), source)

    def _remove(self, name: str) -> None:
        try:
            (self._in / name).unlink(missing_ok=True)
        except OSError as error:  # never carried out twice for that
            if name not in self._carried_out:
                log.warning("%s cannot be removed: %s", name, error)
            self._carried_out.add(name)
            if len(self._carried_out) > 1_000:  # those that are too old by now need no memory
                self._carried_out = {each for each in self._carried_out if _is_recent(each)}

    def _send(self, packet: bytes, kind: type[osc.Message], target: Address) -> None:
        session = str(target[1])
        try:
            with self._outbox_lock:
                outbox = self._outboxes.setdefault(session, Outbox(self._out / session))
                outbox.put(packet, issubclass(kind, _DROPPABLE))
        except OSError as error:
            log.warning("%s was not sent to %s: %s", kind.__name__, session, error)

    def _sweep(self) -> None:
        """Once an hour remove what clients have forgotten."""
        now = time.monotonic()
        if now - self._last_sweep_seconds < SWEEP_SECONDS:
            return
        self._last_sweep_seconds = now
        for folder in [each for each in self._out.iterdir() if _is_forgotten(each)]:
            with self._outbox_lock:
                self._outboxes.pop(folder.name, None)
                shutil.rmtree(folder, ignore_errors=True)
        for file in [each for each in self._in.glob(f"*{PARTIAL_SUFFIX}") if _is_forgotten(each)]:
            file.unlink(missing_ok=True)


def _is_recent(name: str) -> bool:
    """Whether a packet is of the last 30 s, by the time in its name."""
    found = session_and_time(name)
    return found is not None and abs(time.time() - found[1]) <= MAX_AGE_SECONDS


def _is_forgotten(path: Path) -> bool:
    """Whether nothing was put into, or taken from, a folder or file for a day."""
    try:
        return time.time() - path.lstat().st_mtime > FORGOTTEN_SECONDS
    except OSError:  # gone meanwhile
        return False
