"""A model of six stems from its file to stems, manifest and REAPER project, by the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.append(str(Path(__file__).parent.parent / "stems"))
from roformer_models import save  # type: ignore[import-not-found]  # beside the tests of splitting

from stems.palette import STEM_COLOURS

DEADLINE_SECONDS = 120
ALL = ["drums", "bass", "melody", "vocals", "guitar", "piano"]


def backline(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BACKLINE_HOME": str(home)}
    environment.pop("BACKLINE_MODELS", None)
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments], env=environment, capture_output=True,
        text=True, timeout=DEADLINE_SECONDS, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a model of six on its shelf, and a song of a second."""
    home = tmp_path_factory.mktemp("home")
    weights = save(home, "six")
    song = np.random.default_rng(3).normal(0, 0.1, (44_100, 2))
    soundfile.write(home / "song.wav", song, 44_100, "PCM_16")
    added = backline(home, "models", "add", str(weights))
    assert added.returncode == 0, added.stderr
    assert (
        "six is ready" in added.stdout
        and "gives drums, bass, melody, vocals, guitar, piano" in (added.stdout)
    )
    return home


def split(home: Path, out: str, *options: str) -> subprocess.CompletedProcess[str]:
    return backline(
        home, "split", str(home / "song.wav"), "-o", str(home / out), "--model", "six", *options
    )


def test_six_stems_are_files_in_the_manifest_and_tracks_of_their_colours(home: Path) -> None:
    done = split(home, "all", "--stems", ",".join(ALL), "--format", "wav16")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((home / "all" / "manifest.json").read_text("utf-8"))
    assert manifest["stems"] == ALL and manifest["engine"]["name"] == "six"
    stems = [soundfile.read(home / "all" / f"{n}.wav", dtype="int16")[0] for n in ALL]
    whole = np.sum([each.astype(int) for each in stems], 0)
    np.testing.assert_array_equal(whole, soundfile.read(home / "song.wav", dtype="int16")[0])
    project = (home / "all" / "project.rpp").read_text("utf-8")
    for name in ALL:
        red, green, blue = STEM_COLOURS[name]
        track = re.split(f'NAME "?{name}"?\n', project)[1].split("<TRACK")[0]
        assert f"PEAKCOL {0x1000000 | red | green << 8 | blue << 16}" in track


def test_by_default_the_four_of_a_model_of_six_add_up(home: Path) -> None:
    done = split(home, "four")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((home / "four" / "manifest.json").read_text("utf-8"))
    assert manifest["stems"] == ALL[:4]
    assert manifest["takes"][0]["null_dbfs"] < -120


def test_a_guitar_is_refused_by_a_model_without_one_and_the_row_says_so(home: Path) -> None:
    done = split(home, "guitar", "--stems", "guitar")
    assert done.returncode == 0, done.stderr
    assert (home / "guitar" / "guitar.wav").is_file()
    refused = backline(
        home, "split", str(home / "song.wav"), "-o", str(home / "no"), "--model", "embedded",
        "--stems", "guitar",
    )  # fmt: skip
    assert refused.returncode != 0
    assert "stem must be one of drums, bass, melody, vocals, not 'guitar'" in refused.stderr
