"""When sounds begin: each onset's moment, its strength and how sharply it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, percentile_filter

from audio.features import Floats, OnsetEnvelope

MIN_STRENGTH = 0.3  # against the loud onsets around
APART_SECONDS = 0.035  # of two onsets nearer than this the stronger is kept
SAME_SECONDS = 0.003  # two peaks of the envelope can belong to the same rise
AROUND_SECONDS = 3.0  # the loud onsets around are looked for this far
FLOOR = 0.2  # but are at least this much of the loudest of the whole
LOUD_PERCENTILE = 80
BACK_SECONDS, AHEAD_SECONDS = 0.030, 0.020  # where a rise may lie around its steepest moment
FALLEN = 0.35  # of the steepest rise; less than that before it belongs to something else
START, END = 0.3, 0.8  # of the rise: where it is taken to begin, and to be done
SHARP_RISE_SECONDS = 0.016
BIAS_SECONDS = 0.0020  # measured on synthesised notes


@dataclass(frozen=True, slots=True, eq=False)
class Onsets:
    """Onsets in order: their seconds (n,), strength 0..1 (n,), and rise in seconds (n,).

    The rise lasts some 5 to 12 ms for drums and plucked strings, whose moment is then true within
    a millisecond, and up to 50 ms for voices and bows, whose moment is vague by half of that.
    """

    seconds: Floats
    strength: Floats
    rise_seconds: Floats

    @property
    def sharp(self) -> npt.NDArray[np.bool_]:
        """Which of them are as exact as a drum's."""
        return np.asarray(self.rise_seconds < SHARP_RISE_SECONDS)


def relative_strength(envelope: OnsetEnvelope) -> Floats:
    """The envelope relative to the loud onsets within 3 s around, so that soft parts count."""
    step = envelope.seconds[1] - envelope.seconds[0]
    loud = percentile_filter(
        maximum_filter1d(envelope.values, int(0.1 / step)),
        LOUD_PERCENTILE,
        int(AROUND_SECONDS / step),
    )
    loud = np.maximum(loud, FLOOR * np.percentile(loud, 90))
    return np.asarray(envelope.values / np.maximum(loud, 1e-6))


def find_onsets(envelope: OnsetEnvelope, attacks: OnsetEnvelope) -> Onsets:
    """Find onsets in the calm envelope and their exact moments in that of the attacks."""
    strength = relative_strength(envelope)
    reach = int(APART_SECONDS / (envelope.seconds[1] - envelope.seconds[0]))
    highest = maximum_filter1d(strength, 2 * reach + 1) == strength
    smooth = np.convolve(attacks.values, np.ones(3) / 3, "same")
    calm = np.convolve(attacks.values, np.hanning(13) / 6, "same")
    found = []
    for peak in np.flatnonzero(highest & (strength > MIN_STRENGTH)):
        rise = _rise_near(envelope.seconds[peak], attacks, smooth, calm)
        if rise:
            found.append((rise[0], min(1.0, strength[peak]), rise[1]))
    table = np.array(sorted(found)).reshape(-1, 3)
    table = table[np.diff(table[:, 0], prepend=-1.0) > SAME_SECONDS]
    return Onsets(table[:, 0], table[:, 1], table[:, 2])


def _rise_near(
    moment: float, attacks: OnsetEnvelope, smooth: Floats, calm: Floats
) -> tuple[float, float] | None:
    """When the steepest rise within 30 ms begins, and how long it lasts; None without one.

    `smooth` and `calm` are the attacks smoothed over 3 steps and over 13.
    """
    seconds, reach = attacks.seconds, np.array([-BACK_SECONDS, BACK_SECONDS])
    first, stop = np.searchsorted(seconds, moment + reach).tolist()
    if stop - first < 8:
        return None
    step = seconds[1] - seconds[0]
    steepest = first + int(calm[first:stop].argmax())
    first = max(0, steepest - int(BACK_SECONDS / step))
    stop = min(len(seconds) - 1, steepest + int(AHEAD_SECONDS / step))
    fallen = np.flatnonzero(smooth[first:steepest] < FALLEN * smooth[first:stop].max())
    if len(fallen):
        first += int(fallen[-1]) + 1
    risen = np.cumsum(attacks.values[first:stop])
    if len(risen) < 3 or risen[-1] <= 0:
        return None
    begun, done = np.interp([START, END], risen / risen[-1], seconds[first:stop])
    return float(begun) + BIAS_SECONDS, float(done - begun)
