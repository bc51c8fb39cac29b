"""Keys of cadences we play ourselves, and how keys stand to one another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from audio.clip import Clip
from audio.tonality import find_key, key_relation
from midi.key import Key

Build = Callable[..., Clip]


def cadence(key: Key) -> list[tuple[int, ...]]:
    """I IV V I with the bass below, or i iv V i with the raised leading note."""
    third = 3 if key.is_minorish else 4
    tonic, fourth, fifth = (48 + key.tonic + step for step in (0, 5, 7))
    first, fourth_chord = ((root, root + third, root + 7) for root in (tonic, fourth))
    chords = [first, fourth_chord, (fifth, fifth + 4, fifth + 7), first]
    return [(root - 12, root, third_, fifth_) for root, third_, fifth_ in chords]


@pytest.mark.parametrize("name", ["C major", "A minor", "F# minor", "Eb major", "Bb minor"])
def test_a_cadence_has_its_key(chords: Build, name: str) -> None:
    key = Key.parse(name)
    assert find_key(chords(cadence(key))) == key


def test_noise_and_silence_have_no_key() -> None:
    noise = np.random.default_rng(5).normal(0, 0.1, (2, 4 * 44_100)).astype(np.float32)
    assert find_key(Clip(noise, 44_100)) is None
    assert find_key(Clip(np.zeros((2, 44_100), np.float32), 44_100)) is None


# The same four chords, two seconds each, from another one on: the notes are the same in all.
C, G, A_MINOR, F = (48, 64, 67, 72), (43, 62, 67, 71), (45, 60, 64, 69), (41, 60, 65, 69)


@pytest.mark.parametrize(
    ("turn", "name"), [([C, G, A_MINOR, F], "C major"), ([A_MINOR, F, C, G], "A minor")]
)
def test_of_two_keys_with_the_same_notes_music_begins_in_its_own(
    chords: Build, turn: list[tuple[int, ...]], name: str
) -> None:
    assert find_key(chords([chord for chord in turn for _ in (1, 2)])) == Key.parse(name)


def test_drums_do_not_hide_the_key(chords: Build) -> None:
    music = chords(cadence(Key.parse("F# minor")))
    rng = np.random.default_rng(6)
    hits = np.zeros(music.frames, np.float32)
    for start in range(0, music.frames - 4410, music.sample_rate // 4):
        decay = np.exp(-np.arange(4410) / 800).astype(np.float32)
        hits[start : start + 4410] = rng.normal(0, 1, 4410).astype(np.float32) * decay
    loud = Clip(music.samples + hits * music.peak, music.sample_rate)
    assert find_key(loud) == Key.parse("F# minor")
    assert find_key(Clip(hits[None], music.sample_rate)) is None


@pytest.mark.parametrize(
    ("heard", "asked", "relation"),
    [
        ("C major", "C major", "same"),
        ("D minor", "D dorian", "same"),
        ("G major", "G mixolydian", "same"),
        ("C major", "A minor", "relative"),
        ("C major", "D dorian", "relative"),
        ("A minor", "D dorian", "relative"),  # the same notes before the fifth
        ("G major", "C major", "fifth"),
        ("F major", "C major", "fifth"),
        ("E minor", "A minor", "fifth"),
        ("A major", "A minor", "parallel"),
        ("G minor", "G mixolydian", "parallel"),
        ("E minor", "C major", "other"),
        ("F# major", "C major", "other"),
    ],
)
def test_a_relation_is_the_first_that_holds(heard: str, asked: str, relation: str) -> None:
    assert key_relation(Key.parse(heard), Key.parse(asked)) == relation
