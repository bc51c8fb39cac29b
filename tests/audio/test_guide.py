"""The guide lies on the grid to the frame, and sings the notes it was given."""

from __future__ import annotations

import numpy as np
import pytest

from audio.guide import SAMPLE_RATE, render_guide
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text

A_MINOR = Key.parse("A minor")


def test_a_guide_is_as_long_as_its_grid() -> None:
    """4 bars of 4/4 at 92 bpm: 16 x 60 / 92 x 48000 = 500 869.6 frames."""
    clip = render_guide(Grid.constant(92, bars=4), A_MINOR)
    assert clip.frames == 500_870 and clip.channels == 2
    assert clip.peak == pytest.approx(10 ** (-3 / 20), rel=1e-6)


def test_a_guide_is_always_the_same() -> None:
    grid = Grid.constant(110, "7/8", bars=2)
    assert np.array_equal(render_guide(grid, A_MINOR).samples, render_guide(grid, A_MINOR).samples)


def test_the_loudest_harmonic_is_the_melodys_note() -> None:
    """A5 (880 Hz) for two seconds: more energy within 10 Hz of it than an octave above."""
    grid = Grid.constant(120, bars=1)
    clip = render_guide(grid, A_MINOR, melody_from_text("81:0:4", grid))
    power = np.abs(np.fft.rfft(clip.samples.mean(0))) ** 2
    hz = np.fft.rfftfreq(clip.frames, 1 / SAMPLE_RATE)
    around = [power[np.abs(hz - target) < 10].sum() for target in (880, 1760, 932.3)]
    assert around[0] > 3 * around[1] and around[0] > 20 * around[2]


def test_drums_begin_on_the_frame_of_their_beat() -> None:
    """At 61.7 bpm beat 1 lies at 46677.5 frames; before it the snare is silent, after it not."""
    grid = Grid.constant(61.7, bars=1)
    sound = render_guide(grid, A_MINOR).samples.mean(0)
    beat = grid.frame_at(1, SAMPLE_RATE)
    sharp = np.abs(np.diff(sound, 2))
    assert sharp[beat : beat + 200].max() > 10 * sharp[beat - 202 : beat - 2].max()


def test_a_tempo_ramp_moves_the_guide_with_it() -> None:
    from midi.grid import Meter, MeterChange, TempoPoint

    points = (TempoPoint(0, 90, True), TempoPoint(8, 140))  # type: ignore[arg-type]
    grid = Grid(2, points, (MeterChange(0, Meter.parse("4/4")),))
    assert render_guide(grid, A_MINOR).frames == grid.frames(SAMPLE_RATE)
