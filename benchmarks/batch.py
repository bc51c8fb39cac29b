"""Twenty recordings split in one process, two of them broken: `python -m benchmarks.batch`.

Prints status, results and errors, and the memory of the process after each recording (Linux only).
`--seconds` is the length of a recording, `--model` the splitter; the sounds are noise of seed 0.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from daemon import cli
from daemon.pipeline import split_job

COUNT, BROKEN = 20, (6, 13)
RATES = (44_100, 48_000, 22_050)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", default="embedded")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        songs, out = Path(folder) / "songs", Path(folder) / "out"
        _make(songs, asked.seconds)
        memory_mb: list[float] = []
        split = split_job.split

        def watched(*words: Any, **more: Any) -> Any:
            try:
                return split(*words, **more)
            finally:
                memory_mb.append(_memory_mb())

        split_job.split = watched
        words = ["split", songs, "-o", out, "--name", "{file}_{stem}", "--model", asked.model]
        sys.argv = ["backline", *map(str, words)]
        errors, began = io.StringIO(), time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            status = _status()
        seconds, cpu = time.monotonic() - began, time.process_time()
        sentences = [line for line in errors.getvalue().splitlines() if line.startswith("error: ")]
        results = len(list(out.glob("*_manifest.json")))
    print(f"{COUNT} recordings of {asked.seconds:g} s: {results} results, {len(sentences)} errors, "
          f"status {status}, {seconds:.1f} s, {cpu:.1f} s of CPU")  # fmt: skip
    for sentence in sentences:
        print(f"  {sentence.replace(folder, '')}")
    print("memory after each, MB:", " ".join(f"{each:.0f}" for each in memory_mb))


def _make(songs: Path, seconds: float) -> None:
    random = np.random.default_rng(0)
    songs.mkdir()
    for number in range(COUNT):
        path = songs / f"song{number:02d}.wav"
        rate = RATES[number % len(RATES)]
        if number in BROKEN:
            path.write_bytes(b"no sound" if number == BROKEN[0] else b"")
        else:
            length = round(rate * seconds * random.uniform(0.8, 1.2))
            soundfile.write(path, random.uniform(-0.3, 0.3, (length, 1 + number % 2)), rate)


def _status() -> int:
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
