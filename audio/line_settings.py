"""The constants of the beat line: what each means, and the run it was set on.

All were set by hand, none was fitted: (a) at commit 4db522a, on 96 pieces of the composer's seeds
30000 to 71019 (756 recordings: 95.4 % right with drums, 77 % without); (b) at f7e99b0, on seeds
30000 to 75029; (c) at 8f14cc9, on seeds 30000 to 30039 and 50000 to 50010. No piece of the truth
test (docs/lab/grid.md) was among them.
"""

from __future__ import annotations

# How a tempo may behave, and how likely that is against a steady one.
WANDERING = (0.0005, 0.002)  # (a) relative change of the tempo in a second
DRIFTING = (0.0005, 0.0015, 0.005)  # (a) change of its slope in a second
STEP = 0.02  # (a) relative size of a step, one standard deviation
LOG_WANDERING = -4.0  # (a) logs of prior odds
LOG_DRIFTING = -3.0  # (a)
LOG_STEP = -2.0  # (a)
LOG_BIAS = -0.5  # (b) of each part of a beat that lies early or late as one (swing)
STEPS_TRIED = 4  # (a) of the likeliest places of a step, none beside another
LEAST_STEP_CHANCE = 1e-9  # (a) less likely places are not tried
STEP_FROM_ENDS = 4  # (a) pulses; nearer to an end one note would make a step

# The rounds of expectation-maximisation.
FIRST_ROUNDS = 12  # (a) of the first fit, which starts from the path
ROUNDS = 8  # (a) of each behaviour
FIRST_WANDERING = 0.01  # (a) of the first fit: free to go anywhere
WIDER_SECONDS = 0.012  # (a) added to the onsets' spread at first, and
NARROWER = 0.8  # (a) times this each round
STEADY_FROM = 3  # (a) the round that a steady tempo starts at
OTHERS_FROM = 6  # (a) and the other behaviours
FIRST_BIASED_ROUND = 2  # (a)

# What the fits add up to.
LEAST_ONSETS = 4  # (a) fewer that are due give no line
ALONE = 0.9  # (a) a likelier behaviour is taken alone: steady then is exactly steady
NEGLIGIBLE = 1e-3  # (a) less likely behaviours are left out of the errors

# How the line is judged.
MET_SECONDS = 0.025  # (c) a pulse with an onset this near is met
FAR_SECONDS = 0.030  # (c) a larger miss counts as this
ON_LINE_SECONDS, ECHO_SECONDS = 0.006, 0.015  # where one starts so near, one so early is no note
TRUSTED = 0.5  # (a) chance of being on time, over which an onset is judged by
COMMON_SECONDS = 0.001  # (a) by which all onsets may be early or late together
USUAL_MISS_SECONDS = 0.003  # (a) what their spread allows; more widens all errors
FEW_ONSETS = 2.0  # (b) so few trusted ones say little of how all scatter
