"""Where packets wait that may need the disk: one thread carries them out, the clients in turn.

Turns are of time, not of packets: a list of jobs takes a hundred times as long as a status.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from daemon.front_ends.subscribers import Address
from osc_protocol.codec import OscMessage
from osc_protocol.grammar import is_ping

MAX_WAITING_PACKETS = 4_096
CLOSE_SECONDS = 2.0
TURN_SECONDS = 0.001  # what takes less counts as much: such clients take turns packet by packet
MAX_KNOWN = 1_024

Packet = Sequence[OscMessage]
CarryOut = Callable[[Packet, Address], None]


class Desk:
    """Carries out pings at once, in the thread that brings them, and all else in its own.

    A client's packets are carried out in the order they came. The next is of the client for which
    least has been done since it began to wait: who asks for much waits for itself, not the others
    for it.
    """

    def __init__(
        self,
        name: str,
        carry_out: CarryOut,
        most: int = MAX_WAITING_PACKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._carry_out, self._most, self._clock = carry_out, most, clock
        self._changed = threading.Condition()
        self._waiting: dict[Address, deque[Packet]] = {}  # by client; the next one's turn first
        self._turns: dict[Address, int] = {}  # spent on each client
        self._least = 0  # of these, when the packet that is being carried out was chosen
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
            if source not in self._waiting:  # what it did not ask for before is not saved up
                self._turns[source] = max(self._least, self._turns.get(source, 0))
                self._waiting[source] = deque()
            self._waiting[source].append(commands)
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
            source = min(self._waiting, key=self._turns.__getitem__)
            self._least = self._turns[source]
            packets = self._waiting.pop(source)
            packet = packets.popleft()
            if packets:
                self._waiting[source] = packets  # behind the others
            self._count -= 1
            return packet, source

    def _work(self) -> None:
        while (found := self._next()) is not None:
            began = self._clock()
            self._carry_out(*found)
            self._charge(found[1], self._clock() - began)

    def _charge(self, source: Address, seconds: float) -> None:
        with self._changed:
            self._turns[source] += max(1, round(seconds / TURN_SECONDS))
            if len(self._turns) > MAX_KNOWN:  # those that are not ahead are as good as new
                self._turns = {
                    client: turns
                    for client, turns in self._turns.items()
                    if client in self._waiting or turns > self._least
                }
