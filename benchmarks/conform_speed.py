"""How long it takes to conform and measure a recording with its stems, and how much memory.

`python -m benchmarks.conform --speed` and `python -m benchmarks.conform --minutes 10`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from audio.clip import Clip, write_wav
from audio.conform import conform
from audio.examination import examine
from midi.grid import Grid

RATE = 48_000
RUNS = 3


def measure_speed(seed: int) -> None:
    """60 s of stereo mix and four stems at 48 kHz, three times, the libraries loaded before."""
    stems = long_stems(seed, 60.0, RATE)
    mix = Clip(np.sum([c.samples for c in stems.values()], axis=0, dtype=np.float32), RATE)
    grid = Grid.constant(120, bars=29)
    conform(mix, grid, stems=stems)  # imports what it needs, and is not counted
    for _ in range(RUNS):
        wall, processor = time.perf_counter(), _processor_seconds()
        done = conform(mix, grid, stems=stems)
        between = time.perf_counter()
        examine(done.mix, grid, drums=done.stems["drums"])
        end = time.perf_counter()
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"60 s, mix and {len(stems)} stems conformed and measured: {end - wall:.2f} s "
            f"({between - wall:.2f} and {end - between:.2f}), "
            f"{_processor_seconds() - processor:.2f} s of processor time, helpers included, "
            f"stretched {done.facts.most_stretch_percent} %, at most {_megabytes(most):.0f} MB",
            flush=True,
        )


def measure_memory(seed: int, minutes: float) -> None:
    """Files of so many minutes, conformed and measured as a user would, each in its own process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(_write_long, folder, seed, 60 * minutes).result()
        bars = str(int(minutes * 30 * 120 / 122))
        mix, out = str(folder / "mix.wav"), folder / "out"
        _run("conform", [mix, "--bpm", "120", "--bars", bars, "--stems", str(folder),
                         "-o", str(out), "--json"])  # fmt: skip
        _run("measure", [str(out / "mix.wav"), "--bpm", "120", "--key", "C major"])


def _run(command: str, options: Sequence[str]) -> None:
    began = time.perf_counter()
    program = [sys.executable, "-m", "daemon", command, *options]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} failed: {said}")
    nulls = [line.strip() for line in said.splitlines() if "null_dbfs" in line]
    print(
        f"{command}: {time.perf_counter() - began:.1f} s, "
        f"at most {_megabytes(used.ru_maxrss):.0f} MB {' '.join(nulls)}",
        flush=True,
    )


def _write_long(folder: Path, seed: int, seconds: float) -> None:
    stems = long_stems(seed, seconds, RATE)
    for name, clip in stems.items():
        write_wav(folder / f"{name}.wav", clip)
    total = np.asarray(np.sum([clip.samples for clip in stems.values()], axis=0, dtype=np.float32))
    write_wav(folder / "mix.wav", Clip(total, RATE))


def long_stems(seed: int, seconds: float, rate: int) -> dict[str, Clip]:
    """Four stems that repeat a bar of drums, bass, chords and a voice-like tone at 122 bpm."""
    rng = np.random.default_rng(seed)
    frames, beat = int(seconds * rate), 60 / 122
    time_ = np.arange(frames) / rate
    phase = time_ % beat
    bar = np.floor(time_ / (4 * beat)) % 4
    root = np.choose(bar.astype(int), [130.8, 110.0, 87.3, 98.0])
    turn = 2 * np.pi * np.cumsum(root) / rate
    drums = 0.4 * np.sin(2 * np.pi * 50 * phase) * np.exp(-18 * phase)
    drums += 0.05 * rng.normal(0, 1, frames) * np.exp(-100 * (time_ % (beat / 2)))
    bass = 0.25 * np.sin(turn / 2) * np.exp(-3 * phase)
    chords = 0.06 * (np.sin(2 * turn) + np.sin(2.52 * turn) + np.sin(3 * turn))
    voice = 0.1 * np.sin(4 * turn + 2 * np.sin(2 * np.pi * 5 * time_))
    sounds = {"drums": drums, "bass": bass, "melody": chords, "vocals": voice}
    return {
        name: Clip(np.stack([sound, 0.9 * sound]).astype(np.float32), rate)
        for name, sound in sounds.items()
    }


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _megabytes(most: int) -> float:
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)
