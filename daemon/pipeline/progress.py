"""The stages of a job, and how their own fractions add up to one that never goes back."""

from __future__ import annotations

from diffusion.engine import Progress

# Share of a job's time that each stage takes, between what a warm daemon and a first run on a
# CPU need; only the smoothness of the bar and the estimate of the time left depend on them.
SHARES = {
    "load": 0.10, "diffuse": 0.40, "decode": 0.15, "split": 0.10, "conform": 0.05,
    "measure": 0.05, "write": 0.15,
}  # fmt: skip
STAGES = tuple(SHARES)
ONCE_A_TAKE = STAGES[1:]
PLAYING = ("diffuse", "decode")  # done for a whole batch of takes, before the rest of each
PLAYING_SHARE = sum(SHARES[name] for name in PLAYING)


class JobProgress:
    """Reports the stage and the fraction of the whole job, which rises from 0 to 1.

    The model is loaded once, the other stages happen once a take; not every take is split or
    conformed.
    """

    def __init__(self, report: Progress, takes: int) -> None:
        self._report_whole = report
        self._takes = takes
        self._reached = 0.0
        self._batch = (0, 1)  # its first take, and how many

    def start_batch(self, index: int, count: int) -> None:
        """Count `count` takes from `index` (from 0) on as played at once."""
        self._batch = (index, count)

    def load(self, stage: str, fraction: float) -> None:
        """Report the loading of the model."""
        self._report("load", SHARES["load"] * _clip(fraction))

    def take(self, index: int) -> Progress:
        """Return the progress of take `index` (from 0), for a stage and its own fraction."""
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
                done += (count - 1) * PLAYING_SHARE + (index - first) * (of_all - PLAYING_SHARE)
            self._report(stage, SHARES["load"] + (first * of_all + done) / self._takes)

        return report

    def done(self) -> None:
        """Report that all is written."""
        self._report("write", 1.0)

    def _report(self, stage: str, fraction: float) -> None:
        self._reached = max(self._reached, min(fraction, 1.0))
        self._report_whole(stage, self._reached)


def _clip(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
