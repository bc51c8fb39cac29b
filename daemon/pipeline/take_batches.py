"""Several seeds of one request played in one batch, where the engine can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from midi.grid import MAX_SECONDS


class TakeBatches:
    """Plays conditions that differ in their seeds alone, those of `seeds` in as few batches.

    What a batch gave is held until its take is asked for: as much music as the longest job has.
    `start_batch` gets the number (from 0) of a batch's first take, and how many it holds.
    """

    def __init__(
        self, engine: Engine, seeds: Sequence[int], start_batch: Callable[[int, int], None]
    ) -> None:
        self._engine, self._start_batch = engine, start_batch
        self._seeds = tuple(seeds)
        self._waiting = list(seeds)
        self._played: dict[int, Generation] = {}

    def play(self, conditions: Conditions, progress: Progress, cancelled: CancelFlag) -> Generation:
        """Return what `conditions` sound like; raises what the engine's generate() raises."""
        seed = conditions.seed
        if seed in self._played:
            return self._played.pop(seed)
        if seed not in self._waiting:
            return self._engine.generate(conditions, progress, cancelled)
        first = self._waiting.index(seed)
        count = max(1, int(MAX_SECONDS / float(conditions.grid.seconds)))
        takes = [replace(conditions, seed=each) for each in self._waiting[first : first + count]]
        batch = [takes[0], *self._engine.compatible(takes[0], takes[1:])]
        seeds = [each.seed for each in batch]
        self._waiting = [each for each in self._waiting if each not in seeds]
        self._start_batch(self._seeds.index(seed), len(batch))
        played = self._engine.generate_batch(batch, progress, cancelled)
        self._played = dict(zip(seeds, played, strict=True))
        return self._played.pop(seed)
