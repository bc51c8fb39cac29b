"""Formats and rates of a job's files, and the commands that get more out of a stem."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from daemon import cli
from stems.manifest import read_manifest

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `backline ...` in this process with the tone engine and gives its exit status."""
    import tone_engine

    import diffusion.engine

    monkeypatch.setattr(diffusion.engine, "open_engine", tone_engine.open_engine)
    monkeypatch.setenv("BACKLINE_HOME", str(tmp_path / "home"))

    def backline(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["backline", *map(str, words)])
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return backline


def generate(run: Run, out: Path, *more: str) -> int:
    return run("generate", "--bpm", "240", "--key", "A minor", "--bars", "1", "-o", out, *more)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_job_in_24_bits_sums_exactly_at_every_rate(run: Run, tmp_path: Path, rate: int) -> None:
    # One bar of 4/4 at 240 bpm is a second: as many frames as the rate has.
    assert generate(run, tmp_path, "--sample-rate", str(rate), "--format", "wav24") == 0
    mix, *stems = (
        soundfile.read(tmp_path / f"{name}.wav", dtype="int32")[0] >> 8
        for name in ("mix", "drums", "bass", "melody", "vocals")
    )
    assert soundfile.info(tmp_path / "mix.wav").subtype == "PCM_24"
    assert mix.shape == (rate, 2) and np.abs(mix).max() > 1000
    assert np.array_equal(sum(stems), mix)


def test_a_job_in_flac_can_be_changed_and_stays_flac(run: Run, tmp_path: Path) -> None:
    assert generate(run, tmp_path / "a", "--format", "flac") == 0
    assert run("generate", "--from", tmp_path / "a", "--stems", "bass", "-o", tmp_path / "b") == 0
    assert {path.suffix for path in (tmp_path / "b").iterdir()} & {".wav", ".flac"} == {".flac"}
    before, after = (soundfile.read(tmp_path / job / "drums.flac")[0] for job in "ab")
    assert np.array_equal(before, after)


def test_copies_have_tidy_names_and_the_same_bytes(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(run, tmp_path / "job", "--stems", "drums,bass")
    assert run("export", tmp_path / "job", "--files", tmp_path / "to") == 0
    copies = {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()}
    for name in ("drums", "bass", "mix"):
        copy = copies[f"backline_{name}_240bpm_Amin.wav"]
        assert copy == (tmp_path / "job" / f"{name}.wav").read_bytes()
    assert ".backline-copies" not in copies
    assert "backline_bass_240bpm_Amin.wav" in capsys.readouterr().out


def test_copies_in_another_format_sum_exactly_and_keep_their_tags(run: Run, tmp_path: Path) -> None:
    generate(run, tmp_path / "job", "--stems", "drums,bass", "--takes", "2")
    assert run("export", tmp_path / "job", "--files", tmp_path / "to", "--format", "wav16") == 0
    mix, *stems = (
        soundfile.read(tmp_path / "to" / f"backline_{name}_take2_240bpm_Amin.wav", dtype="int16")[0]
        for name in ("mix", "drums", "bass")
    )
    assert np.array_equal(sum(stems), mix)
    files = sorted((tmp_path / "to").glob("*.wav"))
    families = {WavInfoReader(path).ixml.family_uid for path in files}
    assert len(files) == 6 and len(families) == 1
    assert families == {WavInfoReader(tmp_path / "job" / "bass.wav").ixml.family_uid}


def test_copies_never_replace_a_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(run, tmp_path / "job", "--stems", "bass")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "backline_mix_240bpm_Amin.wav").write_bytes(b"mine")
    assert run("export", tmp_path / "job", "--files", tmp_path / "to") == 1
    assert "backline_mix_240bpm_Amin.wav is in" in capsys.readouterr().err
    assert [path.read_bytes() for path in (tmp_path / "to").iterdir()] == [b"mine"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "export needs --dawproject FILE or --files FOLDER"),
        (("--format", "flac"), "give --files with it"),
        (("--files", "to", "--format", "mp3"), "format must be one of wav16, wav24, wav32f, flac"),
    ],
)
def test_export_says_what_it_lacks(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...],
    sentence: str,
) -> None:  # fmt: skip
    generate(run, tmp_path / "job", "--stems", "bass")
    assert run("export", tmp_path / "job", *words) != 0
    assert sentence in capsys.readouterr().err


def test_the_manifest_says_which_stems_are_silent(run: Run, tmp_path: Path) -> None:
    generate(run, tmp_path, "--stems", "drums,vocals")
    found = read_manifest(tmp_path).takes[0].silent
    silent = [
        name
        for name in ("drums", "vocals")
        if np.abs(soundfile.read(tmp_path / f"{name}.wav")[0]).max() < 1e-3  # -60 dBFS
    ]
    assert list(found) == silent
