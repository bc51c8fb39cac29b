"""The drafts of requests: values that come one at a time, from faders and buttons."""

from __future__ import annotations

import threading
from typing import Any

from daemon.front_ends.subscribers import Address
from osc_protocol.checks import check
from osc_protocol.draft import Draft

MAX_DRAFTS = 1_000


class Drafts:
    """One draft a host, or spool session: some programs send each value from another port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drafts: dict[str, dict[str, Any]] = {}

    def set(self, draft: Draft, source: Address) -> Draft:
        """Check and keep a value, and return it as it is kept; raises ProtocolError."""
        value = check(draft.argument, draft.value)
        with self._lock:
            whose = _whose(source)
            values = self._drafts.pop(whose, {})
            values[draft.argument.field] = value
            self._drafts[whose] = values
            if len(self._drafts) > MAX_DRAFTS:
                del self._drafts[next(iter(self._drafts))]
        return Draft(draft.argument, value)

    def kept(self, draft: Draft, source: Address) -> Draft | None:
        """Return what is kept in the place of `draft`, or what holds without it, if anything."""
        argument, values = draft.argument, self.values(source)
        value = values.get(argument.field, None if argument.is_required else argument.default)
        return None if value is None else Draft(argument, value)

    def values(self, source: Address) -> dict[str, Any]:
        """Return all values of a draft by the fields of Generate."""
        with self._lock:
            return dict(self._drafts.get(_whose(source), {}))

    def clear(self, source: Address) -> None:
        """Forget a draft."""
        with self._lock:
            self._drafts.pop(_whose(source), None)


def _whose(source: Address) -> str:
    host, port = source
    return host if isinstance(port, int) else f"{host}/{port}"
