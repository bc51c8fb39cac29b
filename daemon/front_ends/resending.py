"""Durable events sent again over a carrier that may lose them, until they are acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from daemon.front_ends.subscribers import Address
from osc_protocol import messages as osc

RESEND_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0)  # each after the sending before it
MAX_WAITING = 1_000  # events of one client; the oldest go first


@dataclass(slots=True)
class _Sent:
    packet: bytes
    kind: type[osc.Message]
    due_seconds: float
    times: int = 0


class Resending:
    """Keeps what was sent to each client and is not acknowledged; any thread may call it.

    A thread of its own sends again what is due, and waits while there is nothing.
    """

    def __init__(self, send: Callable[[bytes, type[osc.Message], Address], None]) -> None:
        self._send = send
        self._changed = threading.Condition()
        self._sent: dict[Address, dict[int, _Sent]] = {}
        self._thread: threading.Thread | None = None

    def add(self, target: Address, seq: int, packet: bytes, kind: type[osc.Message]) -> None:
        """Remember an event that has just been sent for the first time."""
        with self._changed:
            of_target = self._sent.setdefault(target, {})
            of_target[seq] = _Sent(packet, kind, time.monotonic() + RESEND_SECONDS[0])
            if len(of_target) > MAX_WAITING:
                del of_target[next(iter(of_target))]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="osc-resend", daemon=True)
                self._thread.start()
            self._changed.notify()

    def acknowledge(self, target: Address, seq: int) -> None:
        """Send an event no more."""
        with self._changed:
            of_target = self._sent.get(target, {})
            of_target.pop(seq, None)
            if not of_target:
                self._sent.pop(target, None)

    def forget(self, target: Address) -> None:
        """Send a client nothing more."""
        with self._changed:
            self._sent.pop(target, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._sent:
                    self._changed.wait()
                now = time.monotonic()
                due = self._due(now)
                later = [each.due_seconds for of in self._sent.values() for each in of.values()]
                wait_seconds = min(later, default=now + RESEND_SECONDS[-1]) - now
            for target, each in due:
                self._send(each.packet, each.kind, target)
            with self._changed:
                self._changed.wait(max(0.001, wait_seconds))

    def _due(self, now: float) -> list[tuple[Address, _Sent]]:
        """Take what is to be sent now, and set when it will be again; the last time forgets it."""
        found = []
        for target, of_target in list(self._sent.items()):
            for seq, each in list(of_target.items()):
                if each.due_seconds > now:
                    continue
                found.append((target, each))
                each.times += 1
                if each.times < len(RESEND_SECONDS):
                    each.due_seconds = now + RESEND_SECONDS[each.times]
                else:
                    del of_target[seq]
            if not of_target:
                del self._sent[target]
        return found
