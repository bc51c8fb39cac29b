"""Several seeds of one request played at once, where the engine can."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from midi.grid import MAX_SECONDS


class Batches:
    """Plays conditions that differ in their seeds alone, those of `seeds` as few batches.

    What a batch gave is held until its take is asked for: as much music as the longest job has.
    `together` is told the number (from 0) of a batch's first take, and how many it holds.
    """

    def __init__(
        self, engine: Engine, seeds: Sequence[int], together: Callable[[int, int], None]
    ) -> None:
        self._engine, self._tell_together = engine, together
        self._seeds = tuple(seeds)
        self._to_come = list(seeds)
        self._played: dict[int, Generation] = {}

    def play(self, conditions: Conditions, tell: Progress, cancelled: CancelFlag) -> Generation:
        """Return what `conditions` sound like; raises what the engine's generate() raises."""
        seed, together = conditions.seed, getattr(self._engine, "generate_takes", None)
        if seed in self._played:
            return self._played.pop(seed)
        if together is None or seed not in self._to_come:
            return self._engine.generate(conditions, tell, cancelled)
        first = self._to_come.index(seed)
        count = max(1, int(MAX_SECONDS / float(conditions.grid.seconds)))
        batch = self._to_come[first : first + count]
        del self._to_come[first : first + count]
        self._tell_together(self._seeds.index(seed), len(batch))
        self._played = dict(zip(batch, together(conditions, batch, tell, cancelled), strict=True))
        return self._played.pop(seed)
