"""The HTTP process's end of the pipe to the daemon: questions go out, answers and news come in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from daemon.front_ends.http.messages import Answered, Asked, Question, Told
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.messages import Progress

ANSWER_SECONDS = 30.0


class Link:
    """Asks the daemon; all methods are for the loop's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.when_told: Callable[[Progress | None], None] = lambda progress: None

    async def ask(self, question: Question) -> Any:
        """Return the daemon's answer; raises the ProtocolError it answers with."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            await asyncio.to_thread(self._send, Asked(number, question))
            return await asyncio.wait_for(future, ANSWER_SECONDS)
        except (TimeoutError, OSError):
            raise ProtocolError(Code.TIMEOUT, "the daemon does not answer") from None
        finally:
            self._waiting.pop(number, None)

    def take(self, message: object) -> None:
        """Act on one message of the daemon."""
        if isinstance(message, Told):
            self.when_told(message.progress)
        elif isinstance(message, Answered):
            future = self._waiting.get(message.number)
            if future is not None and not future.done():
                if message.error is not None:
                    future.set_exception(message.error)
                else:
                    future.set_result(message.answer)

    def _send(self, asked: Asked) -> None:
        with self._lock:
            self._connection.send(asked)
