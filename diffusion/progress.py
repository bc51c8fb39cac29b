"""One steady progress over all runs of a job, and the place where it is cancelled."""

from __future__ import annotations

from collections.abc import Callable

from diffusion.engine import CancelFlag, Progress
from diffusion.errors import Cancelled

DIFFUSED = 0.75  # of a run's time goes into its steps, the rest into its decoding


def steady(progress: Progress, cancelled: CancelFlag, runs: int) -> Callable[[str, float], None]:
    """Tell progress evenly over all runs, and stop where the user wants it.

    Runs but the last count as diffusion with all they do, for stages come once and in order. A
    run that is tried again is reported from where it gets further.
    """
    done = 0
    before = ""
    reached = (False, 0.0)  # whether the last decoding has begun, and how far it is

    def step(stage: str, fraction: float) -> None:
        nonlocal done, before, reached
        if cancelled():
            raise Cancelled("cancelled")
        if stage == "diffuse" and before == "decode":
            done = min(done + 1, runs - 1)
        before = stage
        if done < runs - 1:
            share = DIFFUSED if stage == "diffuse" else 1 - DIFFUSED
            fraction = share * fraction + (0.0 if stage == "diffuse" else DIFFUSED)
            stage = "diffuse"
        if stage == "diffuse":
            fraction = (done + fraction) / runs
        if (stage == "decode", fraction) >= reached:
            reached = (stage == "decode", fraction)
            progress(stage, fraction)

    return step
