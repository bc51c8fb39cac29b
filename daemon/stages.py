"""The stages of a job, and how their own fractions add up to one that never goes back."""

from __future__ import annotations

from collections.abc import Callable

# Share of a job's time each stage takes in the embedded engine on a CPU; only the smoothness
# of the bar and the estimate of the time left depend on them.
SHARES = {"load": 0.05, "diffuse": 0.50, "decode": 0.30, "measure": 0.05, "write": 0.10}
STAGES = tuple(SHARES)
ONCE_A_TAKE = ("diffuse", "decode", "measure")

Progress = Callable[[str, float], None]


class WholeJob:
    """Tells `progress` the stage and the fraction of the whole job, monotone in 0..1.

    Load and write happen once, the stages between them once a take.
    """

    def __init__(self, progress: Progress, takes: int) -> None:
        self._progress = progress
        self._takes = takes
        self._reached = 0.0

    def take(self, index: int) -> Progress:
        """Return the progress of take `index` (from 0), which engines call with their own."""

        def report(stage: str, fraction: float) -> None:
            before = SHARES["load"]
            if stage in ONCE_A_TAKE:
                a_take = sum(SHARES[name] for name in ONCE_A_TAKE)
                done = sum(SHARES[name] for name in ONCE_A_TAKE[: ONCE_A_TAKE.index(stage)])
                before += (index * a_take + done) / self._takes
                self._tell(stage, before + SHARES[stage] * _clip(fraction) / self._takes)
            else:
                self(stage, fraction)

        return report

    def __call__(self, stage: str, fraction: float) -> None:
        before = 0.0 if stage == "load" else 1.0 - SHARES["write"]
        self._tell(stage, before + SHARES[stage] * _clip(fraction))

    def _tell(self, stage: str, fraction: float) -> None:
        self._reached = max(self._reached, min(fraction, 1.0))
        self._progress(stage, self._reached)


def _clip(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
