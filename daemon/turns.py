"""Whose turn it is: in which order the jobs that wait are played, and when that will be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

MAX_OWNERS = 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """What decides when a waiting job is played; `pace` names how quick jobs of its kind are."""

    number: int
    owner: str
    priority: int
    pace: str
    music_seconds: float


class Turns:
    """Higher priority goes first; among equals the owners take turns, each in its jobs' order.

    The methods are for one thread at a time.
    """

    def __init__(self) -> None:
        self._served: dict[str, int] = {}  # by owner, when it was last, counted in turns
        self._turns = count(1)

    def take(self, owner: str) -> None:
        """Write down that a job of `owner` begins: the others come before its next one."""
        self._served.pop(owner, None)
        self._served[owner] = next(self._turns)
        if len(self._served) > MAX_OWNERS:
            del self._served[next(iter(self._served))]

    def ordered(self, waiting: Iterable[Waiting]) -> list[Waiting]:
        """Return those that wait, the next one first."""
        jobs = sorted(waiting, key=lambda each: each.number)
        if len({(each.owner, each.priority) for each in jobs}) < 2:
            return jobs
        by_priority: dict[int, dict[str, deque[Waiting]]] = {}
        for each in jobs:
            of_owner = by_priority.setdefault(each.priority, {}).setdefault(each.owner, deque())
            of_owner.append(each)
        order = []
        for priority in sorted(by_priority, reverse=True):
            owners = by_priority[priority]
            round_of = sorted(owners, key=lambda owner: self._served.get(owner, 0))
            while round_of:  # dicts keep the owners in the order of their oldest jobs
                order += [owners[owner].popleft() for owner in round_of]
                round_of = [owner for owner in round_of if owners[owner]]
        return order
