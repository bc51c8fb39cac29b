"""Files are conformed a part at a time, to what would come of them in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audio.clip import Clip, read_clip, write_wav
from audio.conform import conform
from audio.conform_files import conform_files, survey
from audio.errors import AudioError
from audio.sound_files import SoundFiles, Window
from midi.grid import Grid

Band = Callable[..., dict[str, Clip]]
Mixed = Callable[[dict[str, Clip]], Clip]


def test_files_become_what_clips_become(tmp_path: Path, band: Band, mixed: Mixed) -> None:
    stems = band(lambda beat: 0.2 + beat * 60 / 122, 4)
    mix = mixed(stems)
    del stems["bass"]  # so that something is left of the mix
    grid = Grid.constant(120, bars=4)
    inputs = [tmp_path / "mix.wav", *(tmp_path / f"{name}.wav" for name in stems)]
    for path, clip in zip(inputs, [mix, *stems.values()], strict=True):
        write_wav(path, clip)
    outputs = [tmp_path / "out" / path.name for path in inputs]
    with SoundFiles(inputs) as files:
        facts, null_dbfs = conform_files(files, survey(files), grid, outputs, tail_seconds=0.25)
    done = conform(mix, grid, stems=stems, tail_seconds=0.25)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in outputs}
    assert facts.frames == done.facts.frames
    assert null_dbfs is not None
    for path, clip in zip(outputs, [done.mix, *done.stems.values()], strict=True):
        # The rest of the mix is the same but for the last place of a float32.
        assert np.abs(read_clip(path).samples - clip.samples).max() < 1e-6


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    for name, frames in (("mix", 4000), ("bass", 3999)):
        write_wav(tmp_path / f"{name}.wav", Clip(np.zeros((2, frames), np.float32), 44_100))
    with pytest.raises(AudioError, match=r"bass\.wav must have .* 4000, not 44100, 2, 3999"):
        SoundFiles([tmp_path / "mix.wav", tmp_path / "bass.wav"])


def test_a_window_gives_any_part_from_front_to_back() -> None:
    sound = np.arange(100, dtype=np.float32)[None]
    window = Window((sound[:, first : first + 7] for first in range(0, 100, 7)), rows=1)
    padded = np.pad(sound, ((0, 0), (20, 20)))
    for first, stop in ((-5, 3), (-1, 30), (0, 1), (28, 31), (60, 70), (65, 120)):
        assert np.array_equal(window.read(first, stop), padded[:, first + 20 : stop + 20])
