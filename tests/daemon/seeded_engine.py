"""The embedded engine with seeds of its own, so that what a test compares is the same each time."""

from __future__ import annotations

from dataclasses import replace

from diffusion.embedded.engine import EmbeddedEngine
from diffusion.engine import CancelFlag, Conditions, Generation, Progress


class SeededEngine(EmbeddedEngine):
    """Plays what is new with seed 1 and changes of it with seed 2, whatever seed is asked for."""

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions` with the seed of their kind."""
        seed = 1 if conditions.revision is None else 2
        return super().generate(replace(conditions, seed=seed), progress, cancelled)
