"""The key of a clip: its pitch classes against the profiles of the 24 major and minor keys."""

from __future__ import annotations

import numpy as np

from audio.clip import Clip
from audio.hearing import Floats, pitch_class_energy
from midi.key import Key

# Albrecht and Shanahan, "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm",
# Music Perception 31(1), 2013: share of each scale step from the tonic upwards.
PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
MIN_CORRELATION = 0.6  # two bars of music reach 0.63 to 0.94, noise and drums stay under 0.59


def find_key(clip: Clip) -> Key | None:
    """Return the major or minor key that correlates best, or None where none does."""
    energy = pitch_class_energy(clip)
    return None if energy is None else best_key(energy)


def key_score(clip: Clip, key: Key) -> float | None:
    """How well a clip fits a key, -1..1: its correlation with the key's major or minor profile.

    A clip in the key reaches 0.7 or more; None for silence and for one single pitch class.
    """
    energy = pitch_class_energy(clip)
    if energy is None or np.ptp(energy) == 0:
        return None
    profile = PROFILES["minor" if key.is_minorish else "major"]
    return float(np.corrcoef(np.roll(profile, key.tonic), energy)[0, 1])


def best_key(energy: Floats) -> Key | None:
    """Return the key of twelve pitch-class energies from C upwards, or None if none fits."""
    if np.ptp(energy) == 0:
        return None
    fits = {
        (tonic, mode): float(np.corrcoef(np.roll(profile, tonic), energy)[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    tonic, mode = max(fits, key=lambda key: fits[key])
    return Key(tonic, mode) if fits[tonic, mode] >= MIN_CORRELATION else None


def key_relation(heard: Key, asked: Key) -> str:
    """Say how a heard major or minor key stands to the asked one; the first that holds.

    "same": the tonic, and a third of the same kind (D dorian is heard as D minor); "relative":
    the same seven notes (C major or A minor for D dorian); "fifth": a tonic a fifth up or down
    and a third of the same kind; "parallel": the tonic with the other third; else "other".
    """
    same_third = heard.is_minorish == asked.is_minorish
    if heard.tonic == asked.tonic:
        return "same" if same_third else "parallel"
    if set(heard.pitch_classes) == set(asked.pitch_classes):
        return "relative"
    if same_third and (heard.tonic - asked.tonic) % 12 in (5, 7):
        return "fifth"
    return "other"
