"""How uvicorn serves the app: limits on what comes in, and no patience with who sends slowly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.config import Config
from daemon.front_ends.http.form import MAX_HEAD_BYTES

HEAD_SECONDS = 10.0  # for the whole head of a request
IDLE_SECONDS = 15
MAX_CONNECTIONS = 600


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose request's head does not come in time."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._close_if_waiting)

    def data_received(self, data: bytes) -> None:
        """Begin to wait when the first bytes of another request come."""
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._close_if_waiting)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _close_if_waiting(self) -> None:
        self._timer = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0] == b"":
                buffered = bool(getattr(self.conn, "_receive_buffer", b""))
                if not buffered and self.cycle is not None:
                    return  # idle between two requests, which has a limit of its own
            self.transport.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: the daemon says when this process ends."""
        yield


def server_for(app: ASGIApp, config: Config) -> uvicorn.Server:
    """Return the server of an app, over TLS where the settings name a certificate."""
    tls: dict[str, Any] = {}
    if config.tls_cert and config.tls_key:
        tls = {"ssl_certfile": config.tls_cert, "ssl_keyfile": config.tls_key}
    settings = uvicorn.Config(
        app, loop="asyncio", http=ImpatientProtocol, ws="none", lifespan="off",
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS, timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=1, h11_max_incomplete_event_size=MAX_HEAD_BYTES, **tls,
    )  # fmt: skip
    return _Server(settings)
