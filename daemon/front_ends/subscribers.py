"""Where answers go, which client gets which events, and until when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

# An IP address and a UDP port, the name of a spool session, or "tcp:" and the port.
Address = tuple[str, int | str]

MAX_SUBSCRIBERS = 64
MAX_SUBSCRIBERS_PER_HOST = 8
MAX_PEERS = 10_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """Events for `target` until `expires_seconds` on the monotonic clock.

    `scope` is mine, host or all, `style` events, simple or both; `rate_hz` bounds progress.
    """

    target: Address
    owner: str
    scope: str
    style: str
    rate_hz: int
    lease_seconds: int
    expires_seconds: float
    is_reliable: bool = False

    def wants(self, owner: str) -> bool:
        """Whether a job of `owner` is in scope."""
        if self.scope == "mine":
            return owner == self.owner
        return self.scope == "all" or host_of(owner) == host_of(self.owner)


@dataclass(frozen=True, slots=True)
class _Peer:
    target: Address
    client_id: str = ""


def address_text(address: Address) -> str:
    """Return an address as the journal keeps it: 127.0.0.1:9902, or 127.0.0.1/session."""
    host, port = address
    return f"{host}:{port}" if isinstance(port, int) else f"{host}/{port}"


def address_of(text: str) -> Address:
    """The inverse of address_text."""
    host, slash, session = text.partition("/")
    if slash:
        return host, session
    host, _, port = text.rpartition(":")
    return host, int(port)


def is_connection(address: Address) -> bool:
    """Say whether an address ends with its connection (tcp:port), as no other client's does."""
    return str(address[1]).startswith("tcp:")


def host_of(owner: str) -> str:
    """Return the IP address in an owner's name."""
    return owner.partition("#")[0]


class Subscribers:
    """Leases and reply addresses; only the port can be chosen, never another host.

    Answers go to the address a client has registered (hello, notify), else to the port its host
    has registered for everybody (notify with a port: for programs such as oscsend that cannot
    listen where they send), else to where the request came from. Any message renews the lease.
    Methods may be called from any thread; times are in seconds on the monotonic clock.

    `met` are those that introduced themselves to an earlier daemon: address, client id and port.
    `remember` has an introduction kept for a later one; it may raise, and then nothing is changed.
    """

    def __init__(
        self,
        met: Iterable[tuple[Address, str, int]] = (),
        remember: Callable[[Address, str, int], None] = lambda source, client_id, port: None,
    ) -> None:
        self._lock = threading.Lock()
        self._keep = remember
        self._leases: dict[Address, Subscription] = {}
        self._peers = {
            source: _Peer((source[0], port or source[1]), client_id)
            for source, client_id, port in met
        }
        self._host_ports: dict[str, int] = {}
        self._progress: dict[Address, tuple[str, float]] = {}  # last stage, next time

    def introduce(self, source: Address, client_id: str, port: int) -> None:
        """Register where `source` wants its answers and under which id its requests count."""
        peer = _Peer((source[0], port or source[1]), client_id)
        with self._lock:
            known = self._peers.get(source)
        if known != peer and (known is not None or client_id or port):
            self._keep(source, client_id, port)
        with self._lock:
            self._remember(source, peer)

    def subscribe(self, source: Address, port: int, wanted: Subscription) -> bool:
        """Add or renew a subscription; False when there are too many."""
        target: Address = (source[0], port or source[1])
        with self._lock:
            if target not in self._leases:
                of_host = sum(1 for host, _ in self._leases if host == source[0])
                if len(self._leases) >= MAX_SUBSCRIBERS or of_host >= MAX_SUBSCRIBERS_PER_HOST:
                    return False
            self._leases[target] = replace(wanted, target=target)
            self._progress.pop(target, None)
            if port and port != source[1]:
                self._host_ports[source[0]] = port
            else:
                known = self._peers.get(source)
                self._remember(source, _Peer(target, known.client_id if known else ""))
            return True

    def unsubscribe(self, source: Address, port: int) -> None:
        """Forget a subscription, if there is one."""
        with self._lock:
            self._forget((source[0], port) if port else self._target(source))

    def leave(self, source: Address) -> None:
        """Forget an address that cannot be sent to any more."""
        with self._lock:
            self._forget(source)
            self._peers.pop(source, None)

    def renew(self, source: Address, now: float) -> Address:
        """A sign of life from `source`: its lease starts again; returns where its answers go."""
        with self._lock:
            target = self._target(source)
            lease = self._leases.get(target)
            if lease is not None:
                until = now + lease.lease_seconds
                self._leases[target] = replace(lease, expires_seconds=until)
            return target

    def expire(self, now: float) -> None:
        """Forget those whose lease is over."""
        with self._lock:
            for lease in [each for each in self._leases.values() if each.expires_seconds <= now]:
                self._forget(lease.target)

    def target(self, source: Address) -> Address:
        """Return where answers to `source` go."""
        with self._lock:
            return self._target(source)

    def owner(self, source: Address) -> str:
        """Return whose the requests of `source` are: request ids are unique within it."""
        with self._lock:
            peer = self._peers.get(source)
            return f"{source[0]}#{peer.client_id}" if peer and peer.client_id else source[0]

    def listening(self) -> list[Subscription]:
        """Return all subscriptions."""
        with self._lock:
            return list(self._leases.values())

    def lease(self, source: Address) -> Subscription | None:
        """Return the subscription of `source`, or None."""
        with self._lock:
            return self._leases.get(self._target(source))

    def may_send_progress(self, lease: Subscription, stage: str, now: float) -> bool:
        """Whether to send another progress event: a new stage always, else at the asked rate."""
        with self._lock:
            before, due_seconds = self._progress.get(lease.target, ("", 0.0))
            if stage == before and now < due_seconds:
                return False
            self._progress[lease.target] = stage, now + 1.0 / lease.rate_hz
            return True

    def _target(self, source: Address) -> Address:
        peer = self._peers.get(source)
        if peer is not None:
            return peer.target
        return source[0], self._host_ports.get(source[0], source[1])

    def _remember(self, source: Address, peer: _Peer) -> None:
        self._peers.pop(source, None)
        self._peers[source] = peer
        if len(self._peers) > MAX_PEERS:
            del self._peers[next(iter(self._peers))]

    def _forget(self, target: Address) -> None:
        self._leases.pop(target, None)
        self._progress.pop(target, None)
        if self._host_ports.get(target[0]) == target[1]:
            del self._host_ports[target[0]]
