"""Where packets wait that may need the disk: one thread carries them out, the clients in turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from daemon.front_ends.subscribers import Address
from osc_protocol.codec import OscMessage
from osc_protocol.grammar import is_ping

MAX_WAITING_PACKETS = 4_096
CLOSE_SECONDS = 2.0

Packet = Sequence[OscMessage]
CarryOut = Callable[[Packet, Address], None]


class Desk:
    """Carries out pings at once, in the thread that brings them, and all else in its own.

    A client's packets are carried out in the order they came, and one of each client before the
    next of any: who sends much waits for itself, not the others for it.
    """

    def __init__(self, name: str, carry_out: CarryOut, most: int = MAX_WAITING_PACKETS) -> None:
        self._carry_out, self._most = carry_out, most
        self._changed = threading.Condition()
        self._waiting: dict[Address, deque[Packet]] = {}  # by client; the next one's turn first
        self._count = 0
        self._closing = False
        self._clerk = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin to carry out."""
        self._clerk.start()

    def take(self, commands: Packet, source: Address) -> bool:
        """Carry out the messages of one packet now or later; False where too many wait.

        Where there is no room at all, the newest packet of the client that has most waiting gives
        way.
        """
        if all(is_ping(command) for command in commands):
            self._carry_out(commands, source)
            return True
        with self._changed:
            if self._count >= self._most and not self._make_room(source):
                return False
            self._waiting.setdefault(source, deque()).append(commands)
            self._count += 1
            self._changed.notify()
        return True

    def close(self) -> None:
        """Carry out what waits, for two seconds at most."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._clerk.is_alive() and threading.current_thread() is not self._clerk:
            self._clerk.join(CLOSE_SECONDS)

    def _make_room(self, source: Address) -> bool:
        greedy = max(self._waiting, key=lambda each: len(self._waiting[each]))
        if len(self._waiting[greedy]) <= len(self._waiting.get(source, ())) + 1:
            return False
        self._waiting[greedy].pop()
        self._count -= 1
        return True

    def _next(self) -> tuple[Packet, Address] | None:
        """Wait for the packet whose turn it is; None once closed, and nothing waits any more."""
        with self._changed:
            while not self._waiting:
                if self._closing:
                    return None
                self._changed.wait()
            source = next(iter(self._waiting))
            packets = self._waiting.pop(source)
            packet = packets.popleft()
            if packets:
                self._waiting[source] = packets  # behind the others
            self._count -= 1
            return packet, source

    def _work(self) -> None:
        while (found := self._next()) is not None:
            self._carry_out(*found)
