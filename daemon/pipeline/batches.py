"""Takes of one job, and requests of different jobs, played in one batch where the engine can.

Of different jobs the first makes the sound of the others.

The queue runs one job at a time, and sends the worker the requests that wait behind it. Those that
the engine can play in the same batch are played with it and kept until their own job comes. So
each job still starts, is cancelled, fails and ends by itself: the sound of one that is cancelled
before its turn is dropped, and after a batch that is cancelled or fails each job plays its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from daemon.pipeline.conditions import conditions_of
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import Cancelled, EngineError
from diffusion.facts import EngineDescription
from midi.grid import MAX_SECONDS
from osc_protocol.errors import ProtocolError
from osc_protocol.generate import Generate

MAX_TAKES = 8  # takes; the engine may split them into batches of what its memory holds


class BatchedEngine(Engine):
    """An engine that plays the requests of waiting jobs in the same batch, if it can."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.plays_plans = engine.name, engine.plays_plans
        self._waiting: list[Conditions] = []
        self._ready: list[tuple[Conditions, Generation]] = []

    def load(self, progress: Progress) -> None:
        """Load the engine."""
        self._engine.load(progress)

    def describe(self) -> EngineDescription:
        """Return what the engine says of itself."""
        return self._engine.describe()

    def close(self) -> None:
        """Close the engine and forget what is ready."""
        self._ready.clear()
        self._engine.close()

    def expect(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Take the requests that wait behind the next job, and drop the sound of all others."""
        self._waiting = [each for request in requests for each in _plain_conditions(request)]

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`, or return what was played with an earlier job."""
        return self.generate_batch((conditions,), progress, cancelled)[0]

    def compatible(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        """Return those of `others` that the engine can play in one batch with `conditions`."""
        return self._engine.compatible(conditions, others)

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        """Play `batch`, and with it what waits and is compatible."""
        ready = [pair for pair in self._ready if pair[0] in batch]
        self._ready = [pair for pair in self._ready if pair[0] in self._waiting]
        missing = [take for take in batch if not any(take == each for each, _ in ready)]
        if missing:
            ready += self._play(missing, progress, cancelled)
        self._ready += [pair for pair in ready if pair[0] not in batch]
        return [next(sound for each, sound in ready if each == take) for take in batch]

    def _play(
        self, missing: list[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[tuple[Conditions, Generation]]:
        known = [each for each, _ in self._ready]
        waiting = [each for each in self._waiting if each not in known and each not in missing]
        others = self._engine.compatible(missing[0], waiting)[: max(0, MAX_TAKES - len(missing))]
        if others:
            batch = [*missing, *others]
            try:
                played = self._engine.generate_batch(batch, progress, cancelled)
                return list(zip(batch, played, strict=True))
            except Cancelled:
                raise
            except EngineError:
                pass  # a fault of the others must not fail this job
        played = self._engine.generate_batch(missing, progress, cancelled)
        return list(zip(missing, played, strict=True))


def _plain_conditions(request: Mapping[str, Any]) -> list[Conditions]:
    """Return what a waiting request will ask of its engine; nothing if that takes reading files."""
    try:
        music = Generate.restored(request)
        if music.from_ or music.audio_path or music.reference_path or music.loras:
            return []
        asked, _ = conditions_of(music, None)
    except (ProtocolError, ValueError, OSError):  # its own job will report it
        return []
    return [replace(asked, seed=seed) for seed in music.seeds]


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
