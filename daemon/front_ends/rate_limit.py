"""How many messages a client may send: a token bucket for each, and one for all together."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.front_ends.subscribers import Address

PER_CLIENT_HZ, PER_CLIENT_BURST = 200.0, 400.0
TOTAL_HZ, TOTAL_BURST = 2_000.0, 4_000.0
MAX_CLIENTS = 1_024


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_seconds: float

    def take(self, count: int, now: float, rate_hz: float, burst: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.filled_seconds) * rate_hz)
        self.filled_seconds = now
        if self.tokens < count:
            return False
        self.tokens -= count
        return True


class RateLimit:
    """Says for each message whether it is within the limits; times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._total = _Bucket(TOTAL_BURST, now)
        self._clients: dict[Address, _Bucket] = {}

    def allows(self, source: Address, now: float, count: int = 1) -> bool:
        """Count messages of `source`; False when they are too many."""
        bucket = self._clients.get(source)
        if bucket is None:
            if len(self._clients) >= MAX_CLIENTS:
                del self._clients[next(iter(self._clients))]
            bucket = self._clients[source] = _Bucket(PER_CLIENT_BURST, now)
        if not bucket.take(count, now, PER_CLIENT_HZ, PER_CLIENT_BURST):
            return False
        return self._total.take(count, now, TOTAL_HZ, TOTAL_BURST)
