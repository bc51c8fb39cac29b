"""`backline split` as a user runs it: in a process of its own, with real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.append(str(Path(__file__).parent.parent / "stems"))
from splitting_models import (  # type: ignore[import-not-found]
    save_safetensors,
    tiny_htdemucs,
)

from stems.facts import SplitterDescription
from stems.manifest import read_manifest

DEADLINE_SECONDS = 240
STEM_FILES = {"drums.wav", "bass.wav", "melody.wav", "vocals.wav"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_safetensors(tiny_htdemucs(), tmp_path_factory.mktemp("m") / "tiny.safetensors")


@pytest.fixture
def song(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    path = tmp_path / "song.flac"
    soundfile.write(path, random.uniform(-0.5, 0.5, 30_000), 32_000)
    return path


def environment(home: Path) -> dict[str, str]:
    own = {**os.environ, "BACKLINE_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9"}
    own.pop("BACKLINE_MODELS", None)
    return own


def split(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", "split", *map(str, arguments)], env=environment(home),
        capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_mono_flac_becomes_four_mono_stems_that_add_up(
    tmp_path: Path, model: Path, song: Path
) -> None:
    done = split(tmp_path, song, "-o", tmp_path / "out", "--model", model)
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(tmp_path / "out", check_hashes=True)
    assert {each.path for each in manifest.files} == {*STEM_FILES, "project.rpp"}
    stems = [soundfile.read(tmp_path / "out" / name) for name in STEM_FILES]
    assert all(rate == 32_000 and sound.shape == (30_000,) for sound, rate in stems)
    miss = np.abs(soundfile.read(song)[0] - sum(sound for sound, _ in stems)).max()
    assert miss <= 1e-6  # -120 dBFS
    take, facts = manifest.takes[0], manifest.engine
    assert take.gain_db == 0.0 and take.null_dbfs <= -120 and take.facts.silent == ()
    assert isinstance(facts, SplitterDescription)
    assert facts.name == "tiny" and facts.device in ("cpu", "cuda")
    assert len(facts.sha256) == 64


def test_what_is_wrong_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, model: Path, song: Path
) -> None:
    out = tmp_path / "out"
    not_pulled = split(tmp_path, song, "-o", out, "--model", "htdemucs")
    assert not_pulled.returncode == 1
    assert not_pulled.stderr.strip() == (
        "error: model 'htdemucs' is not on this machine; run: backline models pull htdemucs"
    )
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    no_sound = split(tmp_path, text, "-o", out, "--model", model)
    assert no_sound.returncode == 2 and no_sound.stderr.count("\n") == 1
    mp3 = split(tmp_path, song, "-o", out, "--format", "mp3")
    assert mp3.returncode == 2 and "wav16, wav24, wav32f, flac, not 'mp3'" in mp3.stderr
    unknown = split(tmp_path, song, "-o", out, "--stems", "vocals,guitar")
    assert unknown.returncode == 2 and "guitar" in unknown.stderr
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_leaves_nothing(tmp_path: Path, model: Path) -> None:
    long = tmp_path / "long.wav"
    random = np.random.default_rng(1)
    soundfile.write(long, random.uniform(-0.5, 0.5, (44_100 * 600, 2)), 44_100, "PCM_16")
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "split", str(long), "-o", str(tmp_path / "out"),
         "--model", str(model)],
        env=environment(tmp_path) | {"TTY_COMPATIBLE": "1"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    seen = ""
    while "Splitting" not in seen:
        character = process.stderr.read(1)
        assert character, f"it ended early: {seen}"
        seen += character
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=DEADLINE_SECONDS)[1]
    assert process.returncode == 130 and "cancelled; nothing was written" in told
    assert not (tmp_path / "out").exists()
    long.unlink()
