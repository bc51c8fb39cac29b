"""What is looked at before any route sees a request: who sends it, from where, in which form."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import secrets
import socket
import time
from collections import Counter
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.config import Config
from daemon.front_ends.guard import (
    MAX_KNOWN,
    MAX_WRONG_TOKENS,
    WRONG_TOKEN_SECONDS,
    is_this_machine,
)
from daemon.front_ends.http.form import Refusal, fault_in_form, limited_body, refuse
from daemon.front_ends.http.problems import problem
from daemon.lan import token_in
from osc_protocol.errors import Code

log = logging.getLogger("backline.http")

MAX_WAITING_REQUESTS = 128  # of one machine, those that listen to events not counted
SEND_SECONDS = 60.0  # until a client has taken a piece of an answer
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
SECURITY: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
FILES_POLICY = "default-src 'none'; sandbox"  # of what clients have sent and jobs have made


class Guard:
    """Wraps the app: refuses, adds headers, times out and writes a line of the log a request."""

    def __init__(
        self, app: ASGIApp, config: Config, port: int, answered: dict[tuple[str, int], int]
    ) -> None:
        self._app, self._networks, self._port = app, tuple(config.lan), port
        self._token = token_in(config.token_file).encode()
        self._answered = answered
        self._scheme = "https" if config.tls_cert else "http"
        names = {socket.gethostname().lower()} if config.lan else set()
        self._own_names = LOCAL_NAMES | names | {f"{name}.local" for name in names}
        self._wrong: dict[str, list[float]] = {}
        self._waiting: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        number, began, status = secrets.token_hex(6), time.monotonic(), 499
        host = str(scope["client"][0]) if scope["client"] else ""
        is_stream = str(scope["path"]).endswith("/events")

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_security(message["headers"], number)
            await asyncio.wait_for(send(message), SEND_SECONDS)

        self._waiting[host] += not is_stream
        try:
            refusal = self._refusal(scope, host)
            if refusal is not None:
                error, status_wanted, more = refusal
                response = problem(error, status=status_wanted, headers=more)
                await response(scope, receive, guarded_send)
            else:
                await self._app(scope, limited_body(scope, receive), guarded_send)
        except TimeoutError:
            log.info("%s %s does not read its answer", number, host)
        finally:
            self._waiting[host] -= not is_stream
            if not self._waiting[host]:
                del self._waiting[host]
            milliseconds = (time.monotonic() - began) * 1000
            method, path = scope["method"][:10], str(scope["path"])[:200]
            key = (method, status)
            self._answered[key] = self._answered.get(key, 0) + 1
            log.info("%s %s %s %r %d %.1f ms", number, host, method, path, status, milliseconds)

    def _refusal(self, scope: Scope, host: str) -> Refusal | None:
        """Say why a request is refused, with which status and headers; None where it is not."""
        headers = [(name.decode("latin-1"), value.decode("latin-1"))
                   for name, value in scope["headers"]]  # fmt: skip
        for look in (fault_in_form, self._host, self._origin):
            found = look(scope, headers)
            if found is not None:
                return found
        if is_this_machine(host):
            return self._too_many(host)
        if not any(ipaddress.ip_address(host) in network for network in self._networks):
            return refuse(403, "this address is in no network of --lan", "", Code.UNAUTHORIZED)
        return self._token_of(host, dict(headers)) or self._too_many(host)

    def _host(self, scope: Scope, headers: list[tuple[str, str]]) -> Refusal | None:
        """A page of another name, that has been made to lead here, has that name in Host."""
        host = dict(headers).get("host", "")
        if self._is_own(host):
            return None
        return refuse(421, "host must be this machine's own, with the port", "host",
                       Code.UNAUTHORIZED)  # fmt: skip

    def _is_own(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or not port.isascii() or not port.isdecimal() or len(port) > 5:
            return False
        if int(port) != self._port or port != str(self._port):
            return False
        if name.lower() in self._own_names:
            return True
        try:
            address = ipaddress.IPv4Address(name)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _origin(self, scope: Scope, headers: list[tuple[str, str]]) -> Refusal | None:
        found = dict(headers)
        origin, host = found.get("origin"), found.get("host", "")
        if origin is not None and origin.lower() != f"{self._scheme}://{host}".lower():
            return refuse(403, "origin must be that of this server's own page", "origin",
                           Code.UNAUTHORIZED)  # fmt: skip
        is_visit = scope["method"] == "GET" and found.get("sec-fetch-mode") == "navigate"
        site = found.get("sec-fetch-site", "none")
        if site not in ("none", "same-origin") and not (is_visit and scope["path"] == "/"):
            return refuse(403, "pages of other sites may not ask", "sec-fetch-site",
                           Code.UNAUTHORIZED)  # fmt: skip
        return None

    def _token_of(self, host: str, headers: Mapping[str, str]) -> Refusal | None:
        now = time.monotonic()
        wrong = [at for at in self._wrong.get(host, []) if now - at < WRONG_TOKEN_SECONDS]
        if len(wrong) >= MAX_WRONG_TOKENS:
            return refuse(429, "too many wrong tokens; wait a minute", "authorization",
                           Code.RATE_LIMITED)  # fmt: skip
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(shown.encode("latin-1"), self._token)
        if is_right and scheme.lower() == "bearer" and self._token:
            return None
        if shown:
            if len(self._wrong) > MAX_KNOWN:
                self._wrong.clear()
            self._wrong[host] = [*wrong, now]
        return refuse(401, "from another machine give Authorization: Bearer and the token",
                       "authorization", Code.UNAUTHORIZED)  # fmt: skip

    def _too_many(self, host: str) -> Refusal | None:
        if self._waiting[host] > MAX_WAITING_REQUESTS:
            return refuse(429, f"more than {MAX_WAITING_REQUESTS} requests at a time", "",
                           Code.RATE_LIMITED)  # fmt: skip
        return None


def _with_security(headers: list[tuple[bytes, bytes]], number: str) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in headers}
    more = {**SECURITY, "request-id": number, "cache-control": "no-store"}
    return headers + [
        (name.encode(), value.encode())
        for name, value in more.items()
        if name.encode() not in there
    ]
