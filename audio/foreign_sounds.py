"""Sounds that libsndfile does not know: what they are, and the platform's own decoder for them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from audio.errors import AudioError
from midi.user_file import open_file

MOST_SECONDS = 600  # of a decoder's work
# Where in the file which bytes stand, and what it is then.
KINDS = (
    (4, b"ftyp", "MPEG-4 sound (m4a: AAC or ALAC)"),
    (0, b"\xff\xf1", "AAC sound"),
    (0, b"\xff\xf9", "AAC sound"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media sound (wma)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (0, b"wvpk", "WavPack sound"),
    (0, b"MAC ", "Monkey's Audio sound"),
    (0, b"#!AMR", "AMR sound"),
    (0, b"MThd", "a MIDI file, which holds notes and no sound"),
)


def foreign_kind(path: Path) -> str:
    """Say what a file is by its first bytes, "" where that is not known; raises OSError."""
    with open_file(path) as file:
        head = file.read(16)
    return next((kind for at, magic, kind in KINDS if head[at:].startswith(magic)), "")


def decoded(path: Path, kind: str) -> Path:
    """Return a WAV in a new temporary folder, made by ffmpeg or macOS's afconvert.

    Raises AudioError where there is neither, with the command that converts the file.
    """
    if "MIDI" in kind:
        raise AudioError(f"cannot read {path}: it is {kind}")
    name, folder = path.resolve(), Path(tempfile.mkdtemp(prefix="backline-decoded-"))
    made = folder / "decoded.wav"
    if program := shutil.which("ffmpeg"):
        command = [program, "-v", "error", "-nostdin", "-i", f"file:{name}", "-vn",
                   "-c:a", "pcm_f32le", "-f", "wav", str(made)]  # fmt: skip
    elif program := shutil.which("afconvert"):
        command = [program, "-f", "WAVE", "-d", "LEF32", str(name), str(made)]
    else:
        shutil.rmtree(folder, ignore_errors=True)
        raise AudioError(
            f"cannot read {path}: it is {kind}, and no ffmpeg is on this machine to decode it; "
            f"convert it elsewhere, for instance by: ffmpeg -i {path.name} {path.stem}.wav"
        )
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=MOST_SECONDS)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(folder, ignore_errors=True)
        raise AudioError(
            f"cannot read {path}: it is {kind}, which {Path(program).name} could not decode"
        ) from None
    return made
