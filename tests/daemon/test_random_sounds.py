"""Sounds of any rate, length, number of channels and format, whole or cut short, by the commands.

Each command either does its work or ends with one sentence: no error of another library comes out.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tone_engine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import daemon.commands.split
from audio.encodings import MP3_RATES
from daemon import cli

LOWEST_HZ, HIGHEST_HZ = 8_000, 192_000
HIGHEST_ODD_FLAC_HZ = 65_535  # above it the format has only tens
Run = Callable[..., tuple[int, str]]


@dataclass(frozen=True)
class Sound:
    """What a file holds, how it is written, and how much of its bytes there is."""

    ending: str
    rate: int
    channels: int
    frames: int
    kind: str
    there: float


@st.composite
def sounds(draw: st.DrawFn) -> Sound:
    ending = draw(st.sampled_from(["wav", "flac", "mp3", "ogg", "aiff"]))
    odd = st.integers(LOWEST_HZ, HIGHEST_HZ)
    rates = st.sampled_from(MP3_RATES) if ending == "mp3" else odd | st.sampled_from(MP3_RATES)
    rate = draw(rates)
    if ending == "flac" and rate > HIGHEST_ODD_FLAC_HZ:
        rate -= rate % 10
    return Sound(
        ending,
        rate,
        draw(st.integers(1, 2 if ending == "mp3" else 8)),
        draw(st.sampled_from([1, 2, 3, 255]) | st.integers(1, 100_000)),
        draw(st.sampled_from(["silence", "noise", "clicks", "opposed", "beyond full scale"])),
        draw(st.sampled_from([1.0, 1.0, 0.9, 0.3])),
    )


def written(sound: Sound) -> Path:
    """Write it into the folder of now."""
    samples = np.zeros((sound.frames, sound.channels))
    if sound.kind in ("noise", "beyond full scale"):
        samples += np.random.default_rng(1).normal(0, 0.1, samples.shape)
    elif sound.kind != "silence":
        samples[:: sound.rate // 4] = 0.5
    if sound.kind == "opposed":
        samples[:, 1::2] *= -1
    if sound.kind == "beyond full scale":
        samples *= 20
    path = Path(f"take.{sound.ending}")
    subtype = "FLOAT" if sound.ending in ("wav", "aiff") else None
    soundfile.write(path, samples, sound.rate, subtype=subtype)
    data = path.read_bytes()
    path.write_bytes(data[: max(1, int(sound.there * len(data)))])
    return path


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs a command in this process, with a splitter that copies; gives status and errors."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        patch.setenv("BACKLINE_HOME", home)
        patch.setattr(daemon.commands.split, "open_splitter", tone_engine.open_splitter)

        def backline(*words: object) -> tuple[int, str]:
            told: list[str] = []
            patch.setattr(sys, "argv", ["backline", *map(str, words)])
            patch.setattr(cli, "say_aside", told.append)
            try:
                cli.main()
            except SystemExit as end:
                return int(end.code or 0), "\n".join(told)
            return 0, ""

        yield backline


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sound=sounds())
def test_any_sound_is_worked_on_or_refused_in_one_sentence(run: Run, sound: Sound) -> None:
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        path = written(sound)
        for words in (
            ("measure", path), ("conform", path, "--bpm", "120", "-o", "out.wav"),
            ("split", path, "-o", "out"), ("to-midi", path, "--stem", "drums", "-o", "out.mid"),
        ):  # fmt: skip
            status, told = run(*words)
            assert status in (0, 1, 2), (words[0], told)
            assert (status != 0) == told.startswith("error: "), (words[0], told)
            assert "unexpected" not in told and "\n" not in told, (words[0], told)
