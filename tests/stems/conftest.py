"""Small takes to deliver: tones and clicks of a second or two."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from audio.clip import Clip
from audio.report import Report
from audio.stem_names import STEMS
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from midi.melody import Melody
from midi.note import Note
from stems.facts import TakeFacts
from stems.stem_set import StemSet, Take

SAMPLE_RATE = 48_000


@pytest.fixture
def grid() -> Grid:
    """2 bars of 3/4 at 180 bpm: 6 quarters of 1/3 s are 2 s, 96000 frames."""
    return Grid.constant(180, "3/4", 2)


@pytest.fixture
def mapped_grid() -> Grid:
    """2 bars of 7/8, then 2 of 3/4: 13 quarters, 120 bpm rising from beat 2 to 240 at beat 8."""
    tempo = (
        TempoPoint(Fraction(0), Fraction(120)),
        TempoPoint(Fraction(2), Fraction(120), ramp=True),
        TempoPoint(Fraction(8), Fraction(240)),
    )
    return Grid(4, tempo, (MeterChange(0, Meter(7, 8)), MeterChange(2, Meter(3, 4))))


@pytest.fixture
def key() -> Key:
    return Key.parse("A minor")


@pytest.fixture
def melody() -> Melody:
    return Melody(
        tuple(Note(Fraction(beat), Fraction(1, 2), 69 + beat, 100) for beat in range(4)),
        changes=("the last note was cut",),
    )


@pytest.fixture
def make_take() -> Callable[..., Take]:
    """A take on a grid, each stem noise of its own; the same seed gives the same frames."""

    def make(grid: Grid, seed: int = 1, stems: tuple[str, ...] = STEMS, level: float = 0.1) -> Take:
        random = np.random.default_rng(seed)
        shape = (2, grid.frames(SAMPLE_RATE))
        clips = {
            name: Clip(random.uniform(-level, level, shape).astype(np.float32), SAMPLE_RATE)
            for name in stems
        }
        report = Report(
            bpm=grid.bpm,
            bpm_asked=grid.bpm,
            bpm_error_percent=0.0,
            octave_relation="1",
            beats_seconds=tuple(float(grid.seconds_at(beat)) for beat in range(int(grid.beats))),
            beat_offset_ms=0.5,
            key="A minor",
            key_asked="A minor",
            key_relation="same",
            peak_dbfs=-20.0,
            frames=shape[1],
            frames_expected=shape[1],
        )
        notes = {
            name: (Note(Fraction(0), Fraction(1), 40 + 7 * place, 90),)
            for place, name in enumerate(stems)
        }
        return Take(StemSet(clips), notes, report, seed, TakeFacts(engine={"steps": 8}))

    return make
