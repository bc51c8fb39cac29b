"""Where packets wait that may need the disk: one thread carries them out in the order they came."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Full, Queue

from daemon.front_ends.subscribers import Address
from osc_protocol.codec import OscMessage
from osc_protocol.grammar import is_ping

MAX_WAITING_PACKETS = 4_096

CarryOut = Callable[[Sequence[OscMessage], Address], None]


class Desk:
    """Carries out pings at once, in the thread that brings them, and all else in its own."""

    def __init__(self, name: str, carry_out: CarryOut) -> None:
        self._carry_out = carry_out
        self._waiting: Queue[tuple[Sequence[OscMessage], Address] | None] = Queue(
            MAX_WAITING_PACKETS
        )
        self._clerk = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin to carry out."""
        self._clerk.start()

    def take(self, commands: Sequence[OscMessage], source: Address) -> bool:
        """Carry out the messages of one packet now or later; False where too many wait."""
        if all(is_ping(command) for command in commands):
            self._carry_out(commands, source)
            return True
        try:
            self._waiting.put_nowait((commands, source))
        except Full:
            return False
        return True

    def close(self) -> None:
        """Carry out what waits, for two seconds at most."""
        if self._clerk.is_alive():
            with contextlib.suppress(Full):
                self._waiting.put_nowait(None)
            if threading.current_thread() is not self._clerk:
                self._clerk.join(2.0)

    def _work(self) -> None:
        while (packet := self._waiting.get()) is not None:
            self._carry_out(*packet)
