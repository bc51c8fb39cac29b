"""The stages of a job, and how their own fractions add up to one that never goes back."""

from __future__ import annotations

from collections.abc import Callable

# Share of a job's time that each stage takes, between what a warm daemon and a first run on a
# CPU need; only the smoothness of the bar and the estimate of the time left depend on them.
SHARES = {
    "load": 0.10, "diffuse": 0.40, "decode": 0.15, "split": 0.10, "conform": 0.05,
    "measure": 0.05, "write": 0.15,
}  # fmt: skip
STAGES = tuple(SHARES)
ONCE_A_TAKE = ("diffuse", "decode", "split", "conform", "measure", "write")
PLAYING = ("diffuse", "decode")  # what a batch of takes does at once, before the rest of each
PLAYED = sum(SHARES[name] for name in PLAYING)

Progress = Callable[[str, float], None]


class WholeJob:
    """Tells `progress` the stage and the fraction of the whole job, monotone in 0..1.

    The model is loaded once, the other stages happen once a take; not every take is split or
    conformed.
    """

    def __init__(self, progress: Progress, takes: int) -> None:
        self._progress = progress
        self._takes = takes
        self._reached = 0.0
        self._batch = (0, 1)  # its first take, and how many

    def together(self, index: int, count: int) -> None:
        """Hear that `count` takes from `index` (from 0) on are played at once."""
        self._batch = (index, count)

    def load(self, stage: str, fraction: float) -> None:
        """Take the progress of loading the model."""
        self._tell("load", SHARES["load"] * _clip(fraction))

    def take(self, index: int) -> Progress:
        """Return the progress of take `index` (from 0), which engines call with their own."""
        of_all = 1.0 - SHARES["load"]  # what all stages of one take make

        def report(stage: str, fraction: float) -> None:
            done = sum(SHARES[name] for name in ONCE_A_TAKE[: ONCE_A_TAKE.index(stage)])
            done += SHARES[stage] * _clip(fraction)
            first, count = self._batch
            if not first <= index < first + count:
                first, count = index, 1
            if stage in PLAYING:
                done *= count
            else:
                done += (count - 1) * PLAYED + (index - first) * (of_all - PLAYED)
            self._tell(stage, SHARES["load"] + (first * of_all + done) / self._takes)

        return report

    def done(self) -> None:
        """Tell that all is written."""
        self._tell("write", 1.0)

    def _tell(self, stage: str, fraction: float) -> None:
        self._reached = max(self._reached, min(fraction, 1.0))
        self._progress(stage, self._reached)


def _clip(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
