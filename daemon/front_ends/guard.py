"""Who of another machine may send: those in the networks allowed who have shown the token."""

from __future__ import annotations

import hmac
import ipaddress
import threading
import time
from collections.abc import Sequence

from daemon.front_ends.subscribers import Address
from osc_protocol.codec import OscMessage
from osc_protocol.errors import Code, ProtocolError

AMPLIFICATION = 3  # bytes sent for each one received, to an address that may not be the sender's
MAX_KNOWN = 1_000
FORGOTTEN_SECONDS = 3_600.0  # without a message the token must be shown again
MAX_WRONG_TOKENS, WRONG_TOKEN_SECONDS = 5, 60.0  # of one machine, in so much time
HELLO = "/backline/hello"


class Guard:
    """Decides for each message of one carrier; any thread may call it.

    This machine's programs may all send. An address of another machine has shown that it is the
    sender's once it has sent the token; before that it is sent three times what came from it.
    """

    def __init__(self, networks: Sequence[ipaddress.IPv4Network], token: str) -> None:
        self._networks, self._token = tuple(networks), token.encode()
        self._lock = threading.Lock()
        self._heard_seconds: dict[Address, float] = {}
        self._budget_bytes: dict[Address, int] = {}
        self._wrong: dict[str, list[float]] = {}

    def knows_host(self, host: str) -> bool:
        """Say whether anything of this machine is to be looked at."""
        if is_this_machine(host):
            return True
        address = ipaddress.ip_address(host)
        return any(address in network for network in self._networks)

    def receive(self, source: Address, size_bytes: int) -> None:
        """Count what came from an address."""
        if is_this_machine(source[0]):
            return
        with self._lock:
            budget = self._budget_bytes.pop(source, 0) + AMPLIFICATION * size_bytes
            self._budget_bytes[source] = min(budget, 1 << 20)
            if len(self._budget_bytes) > MAX_KNOWN:
                del self._budget_bytes[next(iter(self._budget_bytes))]

    def may_be_sent(self, target: Address, size_bytes: int) -> bool:
        """Say whether so much may go to an address, and count it."""
        if is_this_machine(target[0]):
            return True
        with self._lock:
            if any(host == target[0] for host, _ in self._heard_seconds):
                return True
            budget = self._budget_bytes.get(target, 0)
            if size_bytes > budget:
                return False
            self._budget_bytes[target] = budget - size_bytes
            return True

    def check(self, command: OscMessage, source: Address) -> None:
        """Refuse a message of an address that has not shown the token; raises ProtocolError."""
        if is_this_machine(source[0]):
            return
        now = time.monotonic()
        with self._lock:
            heard = self._heard_seconds.pop(source, -FORGOTTEN_SECONDS)
            if now - heard < FORGOTTEN_SECONDS or self._shows_token(command, source[0], now):
                self._heard_seconds[source] = now
                if len(self._heard_seconds) > MAX_KNOWN:
                    del self._heard_seconds[next(iter(self._heard_seconds))]
                return
        wanted = "from another machine say hello with the token of --token-file first"
        raise ProtocolError(Code.UNAUTHORIZED, wanted, "token")

    def _shows_token(self, command: OscMessage, host: str, now: float) -> bool:
        if command.address != HELLO or "token" not in command.args[:-1]:
            return False
        wrong = [at for at in self._wrong.get(host, []) if now - at < WRONG_TOKEN_SECONDS]
        if len(wrong) >= MAX_WRONG_TOKENS:
            return False
        shown = command.args[command.args.index("token") + 1]
        if isinstance(shown, str) and hmac.compare_digest(shown.encode(), self._token):
            return True
        if len(self._wrong) > MAX_KNOWN:
            self._wrong.clear()
        self._wrong[host] = [*wrong, now]
        return False


def is_this_machine(host: str) -> bool:
    """Say whether an address is one of this machine alone."""
    return host.startswith("127.") or host == "::1"
