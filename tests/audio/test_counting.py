"""What a listener says of a recording is kept to: where bar 1 is, and how fast it is counted."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from audio.clip import Clip
from audio.conform import conform
from audio.counting import Counting, find_counted_beats
from audio.errors import AudioError, CannotConform, Remedy
from audio.features import extract_features
from audio.note_starts import find_note_starts
from audio.octave import choose_octave
from midi.grid import Grid
from midi.meter import Meter

Band = Callable[..., dict[str, Clip]]
Mixed = Callable[[dict[str, Clip]], Clip]


@pytest.fixture
def take(band: Band, mixed: Mixed) -> Clip:
    """Eight bars at 118 bpm, the first at 0.3 s."""
    return mixed(band(lambda beat: 0.3 + beat * 60 / 118, 8))


def test_bar_one_is_where_it_was_told_to_be(take: Clip) -> None:
    counting = Counting(downbeat_seconds=0.3 + 60 / 118)  # the second beat
    done = conform(take, Grid.constant(120, bars=6), counting=counting)
    # To within the 3 ms that a beat of this band is found by.
    assert done.facts.first_downbeat_seconds == pytest.approx(0.3 + 60 / 118, abs=0.003)
    assert done.facts.downbeat_confidence == 1


def test_a_recording_counted_at_half_the_tempo_keeps_its_speed(take: Clip) -> None:
    beats = find_counted_beats(
        take, Grid.constant(236, bars=14), counting=Counting(pace=Fraction(1, 2))
    )
    assert beats is not None
    assert beats.doubt == ""
    assert beats.beats[:3].tolist() == [0, 2, 4]
    # Two beats at 236 bpm are one of the band's at 118, found within 3 ms.
    assert beats.seconds[1] - beats.seconds[0] == pytest.approx(60 / 118, abs=0.003)


def test_what_cannot_be_is_said_in_a_sentence(take: Clip) -> None:
    grid = Grid.constant(120, bars=4)
    with pytest.raises(AudioError, match="from 0 s on, not -1"):
        Counting(downbeat_seconds=-1)
    with pytest.raises(AudioError, match="downbeat 99 s lies behind the end"):
        find_counted_beats(take, grid, counting=Counting(99.0))
    with pytest.raises(AudioError, match="double of 300 is 600 bpm"):
        Counting(pace=Fraction(2)).grid(Grid.constant(300, bars=4))


def test_a_refusal_knows_what_would_settle_it(clicks: Callable[..., Clip]) -> None:
    grid = Grid.constant(120, bars=7)
    times = [0.3 + beat / 2 for beat in range(31)]
    even = clicks(times, Grid.constant(120, bars=8), accents=1)  # the same on every beat
    with pytest.raises(CannotConform) as refused:
        conform(even, grid)
    assert refused.value.remedy is Remedy.DOWNBEAT
    done = conform(even, grid, counting=Counting(0.8))
    assert done.facts.first_downbeat_seconds == pytest.approx(0.8, abs=0.003)  # a click's error


def test_a_pulse_of_eighths_is_counted_in_quarters(clicks: Callable[..., Clip]) -> None:
    eighths = clicks([n / 4 for n in range(64)], Grid.constant(120, bars=8), accents=2)
    features = extract_features(eighths)
    assert features is not None
    notes = find_note_starts(features).envelope
    counted = choose_octave(240.0, features.onsets, notes, Meter.parse("4/4"), 16.0)
    assert counted == 120.0
