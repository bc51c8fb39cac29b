"""The figures that judge the embedded model, held to sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clip import Clip
from diffusion.embedded.performance import Part, Performance, Played
from midi.grid import Grid
from training import figures
from training.judge_notes import repeats
from training.judges.embedding import frechet
from training.judges.transcriber import f1

GRID = Grid.constant(120, "4/4", 2)  # a beat is 0.5 s, a bar 2 s


def hits(*beats: float) -> tuple[Played, ...]:
    return tuple(Played(beat, 0.25, 36, 0.8) for beat in beats)


@pytest.mark.parametrize(
    ("bpm", "meter", "relation", "error"),
    [
        (121.2, "4/4", "1", 1.0),
        (60.0, "4/4", "1/2", 0.0),
        (80.0, "6/8", "2/3", 0.0),
        (80.0, "4/4", "1/2", 33.333),  # no meter in threes: two thirds are an error
    ],
)
def test_a_tempo_may_be_heard_an_octave_off(
    bpm: float, meter: str, relation: str, error: float
) -> None:
    heard = figures.tempo_heard(bpm, Grid.constant(120, meter, 2))
    assert heard.relation == relation
    assert heard.error_percent == pytest.approx(error, abs=0.01)


def test_the_first_downbeat_is_the_first_that_is_played_and_heard() -> None:
    onsets = np.array([0.5, 2.004, 2.5])
    assert figures.first_downbeat_ms(onsets, hits(0.0, 1.0, 4.0), GRID) == pytest.approx(4.0)
    assert figures.first_downbeat_ms(onsets, hits(1.0), GRID) is None


def test_onsets_are_measured_to_sixteenths_and_triplets() -> None:
    # 0.125 s is a sixteenth, 1/6 s a triplet; 0.19 s lies 0.38 beats in, 0.0467 from the triplet.
    errors = figures.grid_errors_ms(np.array([0.125, 1 / 6, 0.19]), GRID)
    np.testing.assert_allclose(errors, [0.0, 0.0, 500 * (0.38 - 1 / 3)], atol=1e-6)


def test_a_rest_is_measured_a_second_after_the_last_note() -> None:
    samples = np.full((2, 32_000), 0.001, np.float32)  # 4 s
    samples[:, :8_000] = 0.1
    level = figures.rest_db(Clip(samples, 8_000), [(0.0, 1.0, 60)])
    assert level == pytest.approx(40.0, abs=0.01)
    assert figures.rest_db(Clip(samples, 8_000), [(0.0, 3.0, 60)]) is None  # never rests so long


def test_energy_below_a_frequency_is_a_share() -> None:
    seconds = np.arange(44_100) / 44_100
    wave = np.sin(2 * np.pi * 100 * seconds) + 0.5 * np.sin(2 * np.pi * 1_000 * seconds)
    clip = Clip(np.stack([wave, wave]).astype(np.float32), 44_100)
    assert figures.share_below(clip, 400) == pytest.approx(1 / 1.25, abs=1e-3)


def test_notes_are_apart_by_what_they_do_not_share() -> None:
    assert figures.note_distance(hits(0, 1), hits(0, 1)) == 0.0
    assert figures.note_distance(hits(0, 1), hits(0, 3)) == pytest.approx(0.5)


def test_what_the_chords_play_is_no_false_note_of_the_melody() -> None:
    melody, chords = [(0.0, 1.0, 72), (1.0, 2.0, 74)], [(0.0, 2.0, 60)]
    heard = [(0.01, 0.9, 72), (0.02, 2.0, 60), (1.03, 2.0, 75)]
    # One of two found, one false note (75): 2 * 1 / (2 + 1 + 1).
    assert f1(heard, melody, chords) == pytest.approx(0.5)


def test_a_set_is_at_no_distance_from_itself_and_at_the_square_of_a_shift() -> None:
    points = np.random.default_rng(1).standard_normal((500, 4))
    assert frechet(points, points) == pytest.approx(0.0, abs=1e-6)
    assert frechet(points, points + 3.0) == pytest.approx(4 * 9.0, rel=1e-6)


def test_bars_are_compared_with_the_bar_before_within_their_section() -> None:
    # Bar 2 keeps 2 of bar 1's 2 hits and adds one: F1 = 2*2/(2+3) = 0.8; bar 3 opens another
    # section and bar 4 is bar 3 again: 1.0. Their mean is 0.9.
    beats = (0, 2, 4, 5, 6, 8, 9, 12, 13)
    played = Performance(16.0, {"bass": Part(hits(*map(float, beats)), "finger")})
    assert repeats(played, "bass", ("verse", "verse", "chorus", "chorus")) == pytest.approx(0.9)
    assert repeats(played, "bass", ("intro", "verse", "chorus", "bridge")) is None
