"""The constants of the beat line: what each means, and the run it was set on.

All were set by hand, none was fitted: (a) at commit 4db522a, on 96 pieces of the composer's seeds
30000 to 71019 (756 recordings: 95.4 % right with drums, 77 % without); (b) at f7e99b0, on seeds
30000 to 75029; (c) at 8f14cc9, on seeds 30000 to 30039 and 50000 to 50010. No piece of the truth
test (docs/lab/grid.md) was among them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How `audio.beat_line.fit_line` behaves; the defaults are what ships."""

    # How a tempo may behave, and how likely that is against a steady one.
    wandering: tuple[float, ...] = (0.0005, 0.002)  # (a) relative change of the tempo in a second
    drifting: tuple[float, ...] = (0.0005, 0.0015, 0.005)  # (a) change of its slope in a second
    step: float = 0.02  # (a) relative size of a step, one standard deviation
    log_wandering: float = -4.0  # (a) logs of prior odds
    log_drifting: float = -3.0  # (a)
    log_step: float = -2.0  # (a)
    log_bias: float = -0.5  # (b) of each part of a beat that lies early or late as one (swing)
    steps_tried: int = 4  # (a) of the likeliest places of a step, none beside another
    least_step_chance: float = 1e-9  # (a) less likely places are not tried
    step_from_ends: int = 4  # (a) pulses; nearer to an end one note would make a step

    # The rounds of expectation-maximisation.
    first_rounds: int = 12  # (a) of the first fit, which starts from the path
    rounds: int = 8  # (a) of each behaviour
    first_wandering: float = 0.01  # (a) of the first fit: free to go anywhere
    wider_seconds: float = 0.012  # (a) added to the onsets' spread at first, and
    narrower: float = 0.8  # (a) times this each round
    steady_from: int = 3  # (a) the round that a steady tempo starts at
    others_from: int = 6  # (a) and the other behaviours
    first_biased_round: int = 2  # (a)

    # What the fits add up to.
    least_onsets: int = 4  # (a) fewer that are due give no line
    alone: float = 0.9  # (a) a likelier behaviour is taken alone: steady then is exactly steady
    negligible: float = 1e-3  # (a) less likely behaviours are left out of the errors

    # How the line is judged.
    met_seconds: float = 0.025  # (c) a pulse with an onset this near is met
    far_seconds: float = 0.030  # (c) a larger miss counts as this
    trusted: float = 0.5  # (a) chance of being on time, over which an onset is judged by
    common_seconds: float = 0.001  # (a) by which all onsets may be early or late together
    usual_miss_seconds: float = 0.003  # (a) what their spread allows; more widens all errors
    few_onsets: float = 2.0  # (b) so few trusted ones say little of how all scatter


SETTINGS = LineSettings()
