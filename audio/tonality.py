"""The key of a clip: what its tones weigh, in all and at the start, against the 24 keys.

Music tends to begin on its tonic's chord: this tells a key from its relative and from its fifth
where all the tones alone leave that open. `python -m training.fit_key` fits the weights.
"""

from __future__ import annotations

import numpy as np

from audio.clip import Clip
from audio.constant_q import classes, tones
from audio.features import Floats, pitches_over_time
from midi.key import Key

# Albrecht and Shanahan, "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm",
# Music Perception 31(1), 2013: share of each scale step from the tonic upwards.
PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}

# Of each step from the tonic upwards, in standard deviations: in all, and at the start.
WEIGHTS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "major": (
        (1.08, -0.53, 0.27, -0.87, 0.5, 0.07, -0.6, 1.27, -0.72, -0.28, -0.51, 0.31),
        (0.89, -0.54, 0.27, -0.72, 0.53, -0.04, -0.43, 0.83, -0.52, -0.3, -0.32, 0.35),
    ),
    "minor": (
        (1.07, -0.84, 0.42, 0.58, -0.81, -0.1, -0.48, 1.51, -0.36, -0.69, -0.22, -0.07),
        (1.05, -0.59, 0.11, 0.37, -0.59, 0.07, -0.47, 0.98, -0.36, -0.42, 0.12, -0.28),
    ),
}
MIN_FIT = 0.34  # music reaches 0.36 to 1.1, drums stay under 0.33 and noise under 0.1
START_SECONDS = 2.0
SOUNDING = 0.3  # of how loud it is at its louder moments: here music has begun


def find_key(clip: Clip) -> Key | None:
    """Return the major or minor key that a clip is most likely in, or None where none fits."""
    pitches = pitches_over_time(clip)
    if pitches is None:
        return None
    evidence, spread = find_evidence(*pitches)
    scores = {
        Key(tonic, mode): float((np.roll(weights, tonic, axis=1) * evidence).sum())
        for mode, weights in WEIGHTS.items()
        for tonic in range(12)
    }
    key = max(scores, key=lambda key: scores[key])
    lengths = float(np.linalg.norm(evidence) * np.linalg.norm(WEIGHTS[key.mode]))
    correlation = scores[key] / max(lengths, 1e-12)
    return key if spread * correlation >= MIN_FIT else None


def find_evidence(levels: Floats, seconds: Floats) -> tuple[Floats, float]:
    """What the pitch classes weigh, (2, 12) from C upwards: in all, and at the start of the music.

    In standard deviations, and with it what this deviation is of the mean, in all. `levels`
    (84, n) are those of the semitones from C1 upwards at `seconds` (n,).
    """
    standing_out = tones(levels)
    loud = standing_out.sum(axis=0)
    start = seconds[int((loud > SOUNDING * np.percentile(loud, 90)).argmax())]
    beginning = standing_out[:, (seconds >= start) & (seconds < start + START_SECONDS)]
    weights = np.array([standing_out.mean(axis=1), beginning.mean(axis=1)])
    means = weights.mean(axis=1, keepdims=True)
    spreads = weights.std(axis=1, keepdims=True)
    spread = float(spreads[0, 0] / max(means[0, 0], 1e-12))
    return (weights - means) / np.maximum(spreads, 1e-12), spread


def key_score(clip: Clip, key: Key) -> float | None:
    """How well a clip fits a key, -1..1: its correlation with the key's major or minor profile.

    A clip in the key reaches 0.7 or more; None for silence and for one single pitch class.
    """
    pitches = pitches_over_time(clip)
    if pitches is None:
        return None
    energy = classes(pitches[0]).mean(axis=1)
    if np.ptp(energy) == 0:
        return None
    profile = PROFILES["minor" if key.is_minorish else "major"]
    return float(np.corrcoef(np.roll(profile, key.tonic), energy)[0, 1])


def key_relation(found: Key, asked: Key) -> str:
    """How the major or minor key found relates to the one asked for; the first that holds.

    "same": the tonic, and a third of the same kind (D dorian is found as D minor); "relative":
    the same seven notes (C major or A minor for D dorian); "fifth": a tonic a fifth up or down
    and a third of the same kind; "parallel": the tonic with the other third; else "other".
    """
    same_third = found.is_minorish == asked.is_minorish
    if found.tonic == asked.tonic:
        return "same" if same_third else "parallel"
    if set(found.pitch_classes) == set(asked.pitch_classes):
        return "relative"
    if same_third and (found.tonic - asked.tonic) % 12 in (5, 7):
        return "fifth"
    return "other"


def shift_to(found: Key, asked: Key) -> int:
    """The fewest semitones, -6..5, from the key found to the one asked for or its relative."""
    moved = [Key(tonic, found.mode) for tonic in range(12)]
    near = [key for key in moved if key_relation(key, asked) in ("same", "relative")]
    return min(((key.tonic - found.tonic + 6) % 12 - 6 for key in near), key=abs, default=0)
