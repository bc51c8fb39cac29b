"""The features tells the model where each frame lies and what was asked for there."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from diffusion.embedded.intent import (
    CHANNELS,
    GROUPS,
    SLICES,
    TUNE_LOW,
    TUNE_ROWS,
    Harmony,
    Intent,
    chord_doubt,
    features,
    silent_frames,
)
from diffusion.embedded.latents import LAYOUT, PARTS, PITCH_ROWS
from diffusion.embedded.performance import Played
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key

NO_WORDS = (0,) * 8


def features_of(grid: Grid, key: str = "C major", **more: object) -> np.ndarray:
    return features(Intent(grid, Key.parse(key), "melody", NO_WORDS, **more))  # type: ignore[arg-type]


def test_downbeats_are_marked_where_bars_begin() -> None:
    out = features_of(Grid.constant(92.5, "7/8", 4))
    # A bar of 7/8 is 3.5 quarters = 42 frames.
    assert np.flatnonzero(out[:, SLICES["time"]][:, 10]).tolist() == [0, 42, 84, 126]


def test_bar_phase_runs_from_nought_to_one_in_every_bar() -> None:
    phase = features_of(Grid.constant(120, "3/4", 2))[:, SLICES["time"]][:, 8]
    assert phase[0] == phase[36] == 0.0
    assert phase[18] == pytest.approx(0.5)


def test_a_ramp_in_tempo_is_told_frame_by_frame() -> None:
    grid = Grid(
        2,
        (
            TempoPoint(Fraction(0), Fraction(60), ramp=True),
            TempoPoint(Fraction(8), Fraction(120)),
        ),
        (MeterChange(0, Meter(4, 4)),),
    )
    tempo = features_of(grid)[:, SLICES["tempo"]][:, 0]
    assert tempo[0] == pytest.approx(-1.0)  # log2(60 / 120)
    assert np.all(np.diff(tempo) > 0)


def test_the_scale_is_counted_from_the_tonic() -> None:
    minor = features_of(Grid.constant(120, "4/4", 1), "F# minor")[0, SLICES["key"]][:12]
    assert np.flatnonzero(minor).tolist() == [0, 2, 3, 5, 7, 8, 10]


def test_a_tune_note_stands_in_its_lane_with_its_place_between_frames() -> None:
    note = Played(1.02, 0.5, 64, 0.8)
    tune = features_of(Grid.constant(120, "4/4", 1), "C major", tune=(note,))[:, SLICES["tune"]]
    # 1.02 beats = 12.24 frames: frame 12 and 0.24, written doubled as 0.48.
    assert tune[12, 64 - TUNE_LOW] == 1.0
    assert tune[12, TUNE_ROWS] == 1.0
    assert tune[12, TUNE_ROWS + 1] == pytest.approx(0.48, abs=1e-5)
    assert tune[11].sum() == 1.0  # only the flag that there is a tune at all


def test_a_chord_is_told_with_its_bass_and_where_it_begins() -> None:
    chords = (Harmony(1.0, 1.0, (7, 11, 2), 11), Harmony(2.0, 1.0, ()))
    out = features_of(Grid.constant(120, "4/4", 1), "G major", harmony=chords)
    told = out[:, SLICES["harmony"]]
    # Counted from G: G B D are 0, 4 and 7, the bass B is 4.
    assert np.flatnonzero(told[12]).tolist() == [0, 4, 7, 12 + 4, 24, 25]
    assert np.flatnonzero(told[13]).tolist() == [0, 4, 7, 12 + 4, 25]
    assert np.flatnonzero(told[24]).tolist() == [24, 25]  # no chord, and that is told
    assert not told[:12].any() and not told[36:].any()


def test_only_parts_that_are_named_are_told_to_play_or_to_rest() -> None:
    asked = Intent(
        Grid.constant(120, "4/4", 2), Key.parse("C major"), "melody", NO_WORDS,
        presence={"bass": (True, False)},
    )  # fmt: skip
    told = features(asked)[:, SLICES["presence"]].reshape(-1, len(PARTS), 2)
    bass = PARTS.index("bass")
    assert told[47, bass].tolist() == [1.0, 1.0]
    assert told[48, bass].tolist() == [0.0, 1.0]
    assert not np.delete(told, bass, axis=1).any()
    silent = silent_frames(asked)
    assert np.flatnonzero(silent[:, bass]).tolist() == list(range(48, 96))
    assert not np.delete(silent, bass, axis=1).any()


def test_groups_fill_all_channels() -> None:
    assert sum(GROUPS.values()) == CHANNELS


def doubted_pitches(part: str, beat: float, doubt: np.ndarray) -> set[int]:
    """The pitch classes of `part` that cost something at a beat, in C."""
    row = doubt[int(beat * 12), LAYOUT.notes[part]]
    return {(PITCH_ROWS[part][0] + int(at)) % 12 for at in np.flatnonzero(row)}


def test_what_is_not_in_a_chord_is_doubted_and_so_is_any_other_bass_where_it_begins() -> None:
    chords = (Harmony(0.0, 4.0, (0, 4, 7), bass=4), Harmony(4.0, 4.0, (), struck=False))
    grid, key = Grid.constant(120, "4/4", 2), Key.parse("C major")
    doubt = chord_doubt(Intent(grid, key, "melody", NO_WORDS, harmony=chords))
    assert doubted_pitches("comp", 0.0, doubt) == set(range(12)) - {0, 4, 7}
    assert doubted_pitches("bass", 0.0, doubt) == set(range(12)) - {4}
    assert doubted_pitches("bass", 2.0, doubt) == set(range(12)) - {0, 4, 7}
    assert not doubt[:, LAYOUT.notes["lead"]].any()
    assert not doubt[48:].any()  # no chord: anything goes
