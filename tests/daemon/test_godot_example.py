"""examples/godot, run headless: what it would play is its pieces, joined on a bar line."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

EXAMPLE = Path(__file__).parents[2] / "examples" / "godot"
DEADLINE_SECONDS = 120.0

needs_godot = pytest.mark.skipif(
    shutil.which("godot3-server") is None, reason="needs Debian's godot3-server"
)


def samples_of(url: str) -> np.ndarray:
    return soundfile.read(io.BytesIO(httpx.get(url, timeout=100).content), dtype="int16")[0]


@needs_godot
@pytest.mark.slow
def test_the_example_loops_without_a_gap_and_joins_the_next_piece_on_a_bar_line(  # type: ignore[no-untyped-def]
    launch, tmp_path: Path
) -> None:
    daemon = launch(tmp_path / "home", config={"http_port": 0})
    project = shutil.copytree(EXAMPLE, tmp_path / "game")  # Godot writes into the folder it runs
    recorded = tmp_path / "heard.raw"
    own = {"BACKLINE_URL": daemon.url, "BACKLINE_RECORD": str(recorded), "BACKLINE_BARS": "3",
           "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}  # fmt: skip
    ran = subprocess.run(
        ["godot3-server", "--path", str(project)], env=os.environ | own, text=True, check=False,
        capture_output=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SCRIPT ERROR" not in ran.stderr, ran.stderr
    first, second = (samples_of(f"{daemon.url}/v1/jobs/{job}/stems/mix.wav") for job in (1, 2))
    bars = httpx.get(f"{daemon.url}/v1/jobs/1/timing", timeout=100).json()["bar_frames"]
    first, second = first[: bars[-1]], second[: len(second)]
    heard = np.frombuffer(recorded.read_bytes(), "<i2").reshape(-1, 2)
    changing = len(first) + len(first) // 2 + 1000
    # The frames up to the first chunk of 777 that ends behind `changing` were played before it.
    asked = -(-changing // 777) * 777 - len(first)
    joined = len(first) + next(bar for bar in bars if bar >= asked)
    assert np.array_equal(heard[: len(first)], first)
    assert np.array_equal(heard[len(first) : joined], first[: joined - len(first)])
    rest = heard[joined:]
    assert len(rest) > len(second)
    assert np.array_equal(rest[: len(second)], second)
    again = rest[len(second) :]
    assert np.array_equal(again, np.resize(second, again.shape))  # round and round
    assert not np.array_equal(first[:10_000], second[:10_000])
