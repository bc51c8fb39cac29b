"""Sounds that libsndfile does not know: the platform's decoder, or a sentence."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.clip import read_clip
from audio.errors import AudioError

M4A = b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(64)


def program(folder: Path, body: str) -> None:
    path = folder / "ffmpeg"
    path.write_text(f"#!{sys.executable}\nimport shutil, sys\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.skipif(os.name == "nt", reason="a program of this test begins with #!")
def test_the_platforms_ffmpeg_decodes_what_libsndfile_cannot(
    tmp_path: Path, no_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    soundfile.write(tmp_path / "heard.wav", np.full(8_000, 0.25), 8_000, "FLOAT")
    program(no_programs, f"shutil.copyfile({str(tmp_path / 'heard.wav')!r}, sys.argv[-1])")
    (tmp_path / "take.m4a").write_bytes(M4A)
    clip = read_clip(tmp_path / "take.m4a")
    assert (clip.frames, clip.peak) == (8_000, 0.25)
    assert not list(tmp_path.glob("backline-decoded-*"))  # gone with the reader


def test_without_a_decoder_the_command_that_converts_is_told(
    tmp_path: Path, no_programs: Path
) -> None:
    (tmp_path / "take.m4a").write_bytes(M4A)
    with pytest.raises(AudioError, match=r"ffmpeg -i take\.m4a take\.wav") as error:
        read_clip(tmp_path / "take.m4a")
    assert "MPEG-4 sound" in str(error.value)


@pytest.mark.skipif(os.name == "nt", reason="a program of this test begins with #!")
def test_a_decoder_that_fails_leaves_a_sentence_and_nothing_else(
    tmp_path: Path, no_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program(no_programs, "sys.exit(1)")
    (tmp_path / "take.m4a").write_bytes(M4A)
    with pytest.raises(AudioError, match="which ffmpeg could not decode"):
        read_clip(tmp_path / "take.m4a")
    assert not list(tmp_path.glob("backline-decoded-*"))


def test_a_midi_file_in_place_of_a_sound_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "tune.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0")
    with pytest.raises(AudioError, match="MIDI file, which holds notes and no sound"):
        read_clip(tmp_path / "tune.mid")
