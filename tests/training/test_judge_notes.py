"""The key of notes, where it is known."""

from __future__ import annotations

import numpy as np

from midi.key import Key
from training.judge_notes import best_key


def test_notes_weighed_by_hand_give_their_key() -> None:
    # A D minor tune: D 4, A 3, F 2, E, G, Bb, C 1 each.
    energy = np.zeros(12)
    energy[[2, 9, 5, 4, 7, 10, 0]] = [4, 3, 2, 1, 1, 1, 1]
    assert best_key(energy) == Key(2, "minor")


def test_all_pitch_classes_alike_have_no_key() -> None:
    assert best_key(np.ones(12)) is None
