"""Which beat begins the first bar, where the music does not begin with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import audio.downbeat
from audio.beats import MIN_DOWNBEAT_CONFIDENCE
from audio.clip import Clip
from audio.downbeat import FACTS, WEIGHTS, find_downbeat, weights
from audio.features import extract_features
from audio.slot_features import Slots
from midi.grid import Grid

Build = Callable[..., Clip]
C, A_MINOR, F, G = (60, 64, 67, 72), (57, 64, 69, 72), (60, 65, 69, 72), (62, 67, 71, 74)


def test_comping_that_leaves_out_the_downbeat_does_not_move_the_bar(chords: Build) -> None:
    # 6/8 of two seconds: two bars with nothing on their first half and a chord on the second,
    # then six with the chord on both.
    bars = [(chord, chord) for chord in (C, F, G, C, A_MINOR, F, G, C)]
    halves = [half for bar in bars for half in bar]
    halves[0] = halves[2] = ()
    clip = joined([chords([half]) if half else silence(1.0) for half in halves])
    slots = np.arange(-6, 49) / 3  # eighths; the first sound is a second late, three of them
    features = extract_features(clip)
    assert features is not None
    downbeat = find_downbeat(clip, Grid.constant(90, "6/8", bars=8), features, Slots(slots, 3, 0.5))
    assert downbeat is not None
    assert slots[downbeat.slot] == pytest.approx(0)


@pytest.mark.parametrize("beat", [1, 2, 3])
def test_music_that_starts_inside_a_bar_has_its_bar_line_where_the_harmony_changes(
    chords: Build, beat: int
) -> None:
    # Seven bars of four struck chords, one a second, the first `beat` of which are left out.
    bars = [chord for chord in (C, F, G, C, A_MINOR, F, G) for _ in range(4)]
    clip = joined([silence(0.005), chords(bars[beat:])])
    slots = np.arange(-4, 4 * 26) / 4 + 0.005  # quarters of a beat
    features = extract_features(clip)
    assert features is not None
    downbeat = find_downbeat(clip, Grid.constant(60, bars=6), features, Slots(slots, 4, 0.25))
    assert downbeat is not None
    assert slots[downbeat.slot] == pytest.approx(4 - beat + 0.005)


def test_music_that_is_the_same_on_every_beat_leaves_the_bar_line_open(chords: Build) -> None:
    clip = joined([silence(0.005), chords([C] * 24)])
    features = extract_features(clip)
    assert features is not None
    slots = np.arange(-4, 4 * 26) / 4 + 0.005
    downbeat = find_downbeat(clip, Grid.constant(60, bars=5), features, Slots(slots, 4, 0.25))
    assert downbeat is not None
    assert downbeat.confidence < MIN_DOWNBEAT_CONFIDENCE


def test_there_is_one_weight_for_every_fact() -> None:
    shipped = json.loads((Path(audio.downbeat.__file__).with_name(WEIGHTS)).read_text("utf-8"))
    assert tuple(shipped) == FACTS
    assert np.isfinite(weights()).all()


def silence(seconds: float) -> Clip:
    return Clip(np.zeros((2, round(seconds * 44_100)), np.float32), 44_100)


def joined(clips: list[Clip]) -> Clip:
    return Clip(np.concatenate([clip.samples for clip in clips], axis=1), 44_100)
