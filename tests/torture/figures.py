"""What a point of the torture is asked for, and what it shows."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scale:
    """How much of it (minutes, with `full` hours), a folder to work in, the seed of all chance.

    With `part` below 1 that share of the full counts is tried; the figures say how many those are.
    """

    full: bool
    seed: int
    folder: Path
    part: float = 1.0

    def count(self, short: int, full: int) -> int:
        return max(short, round(full * self.part)) if self.full else short

    def chance(self, name: str) -> random.Random:
        return random.Random(f"{name} {self.seed}")


@dataclass(frozen=True)
class Figure:
    """One value; `limit` is the most it may be, None where it is only told."""

    name: str
    value: float
    unit: str = ""
    limit: float | None = None

    @property
    def is_met(self) -> bool:
        return self.limit is None or self.value <= self.limit
