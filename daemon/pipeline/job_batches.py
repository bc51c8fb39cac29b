"""Jobs of different requests played in one batch: one pays for the steps, the others find theirs.

The queue runs one job at a time, and tells the worker what waits behind it. What of that an engine
can play along in the same batch is kept until its own job comes. So each job still starts, is
cancelled, fails and ends by itself: one that is cancelled before its turn leaves a sound that
nobody asks for, and a batch that is cancelled or fails has those behind it play for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from daemon.pipeline.conditions import conditions_of
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import Cancelled, EngineError
from osc_protocol.errors import ProtocolError
from osc_protocol.generate_request import GenerateRequest

MAX_TOGETHER = 8  # takes; the engine may split them into batches of what its memory holds


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that plays several conditions at once, where they are alike enough."""

    def alike(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        """Those of `others` that can be played in one batch with `conditions`."""

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        """Play conditions that are alike; each comes out as generate() would have it."""


class Clustered:
    """A BatchEngine that plays along what other jobs have asked for."""

    def __init__(self, engine: BatchEngine) -> None:
        self._engine = engine
        self.name = engine.name
        self._awaited: list[Conditions] = []
        self._ready: list[tuple[Conditions, Generation]] = []

    def load(self, progress: Progress) -> None:
        """Load the engine."""
        self._engine.load(progress)

    def describe(self) -> dict[str, object]:
        """Say what the engine says."""
        return self._engine.describe()

    def close(self) -> None:
        """Close the engine and forget what is ready."""
        self._ready.clear()
        self._engine.close()

    def expect(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Take the requests that wait behind the next job; what nobody awaits is forgotten."""
        self._awaited = [each for request in requests for each in _plain_conditions(request)]

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`, or return what was played along with an earlier job."""
        return self.generate_takes(conditions, (conditions.seed,), progress, cancelled)[0]

    def generate_takes(
        self,
        conditions: Conditions,
        seeds: Sequence[int],
        progress: Progress,
        cancelled: CancelFlag,
    ) -> list[Generation]:
        """Play `conditions` once a seed, and with them what is awaited and alike."""
        takes = [replace(conditions, seed=seed) for seed in seeds]
        ready = [pair for pair in self._ready if pair[0] in takes]
        self._ready = [pair for pair in self._ready if pair[0] in self._awaited]
        missing = [take for take in takes if not any(take == each for each, _ in ready)]
        if missing:
            ready += self._play(missing, progress, cancelled)
        self._ready += [pair for pair in ready if pair[0] not in takes]
        return [next(sound for each, sound in ready if each == take) for take in takes]

    def _play(
        self, missing: list[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[tuple[Conditions, Generation]]:
        known = [each for each, _ in self._ready]
        awaited = [each for each in self._awaited if each not in known and each not in missing]
        along = self._engine.alike(missing[0], awaited)[: max(0, MAX_TOGETHER - len(missing))]
        if along:
            batch = [*missing, *along]
            try:
                return list(
                    zip(batch, self._engine.generate_batch(batch, progress, cancelled), strict=True)
                )
            except Cancelled:
                raise
            except EngineError:
                pass  # what the others bring in must not fail this job
        played = self._engine.generate_batch(missing, progress, cancelled)
        return list(zip(missing, played, strict=True))


Opened = TypeVar("Opened")


def clustered(engine: Opened) -> Opened | Clustered:
    """The engine, playing in clusters where it can play batches."""
    return Clustered(engine) if isinstance(engine, BatchEngine) else engine


def _plain_conditions(request: Mapping[str, Any]) -> list[Conditions]:
    """What a request that waits will ask of its engine; nothing where only its job can know."""
    try:
        music = GenerateRequest.from_dict(request)
        if music.source or music.audio_path or music.reference_path or music.loras:
            return []
        asked = conditions_of(music, None)
    except (ProtocolError, ValueError, OSError):  # its own job will tell
        return []
    return [replace(asked, seed=seed) for seed in music.seeds]
