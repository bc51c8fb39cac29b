"""Stems or a mix played on this machine's sound device, through PortAudio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from audio.sound_files import SoundFiles
from daemon.errors import DaemonError

PART_SECONDS = 0.1  # after which Ctrl-C is heard


def play(paths: Sequence[Path], show: Callable[[float], None]) -> float:
    """Play files of one rate and length together and return the seconds; `show` gets the fraction.

    Raises DaemonError where there is nothing to play with, AudioError for files that do not fit.
    """
    device = _device_library()
    with SoundFiles(paths) as files:
        channels = files.channels
        part = max(1, round(PART_SECONDS * files.sample_rate))
        with (
            _plain_errors(device),
            device.OutputStream(
                samplerate=files.sample_rate, channels=channels, dtype="float32"
            ) as stream,
        ):
            played = 0
            for block in files.blocks():
                together = block.reshape(len(paths), channels, -1).sum(0)
                for first in range(0, together.shape[1], part):
                    piece = together[:, first : first + part]
                    stream.write(np.ascontiguousarray(piece.T))
                    played += piece.shape[1]
                    show(played / files.frames)
        return files.seconds


def _device_library() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise DaemonError(
            "playing needs the package sounddevice: run `pip install sounddevice`"
        ) from None
    except OSError:  # the package is there, the library that it speaks to is not
        raise DaemonError(
            "playing needs the library PortAudio (Debian, Ubuntu: apt install libportaudio2)"
        ) from None
    return sounddevice


@contextmanager
def _plain_errors(device: Any) -> Iterator[None]:
    try:
        yield
    except device.PortAudioError as error:
        words = " ".join(str(error.args[0] if error.args else error).split())
        raise DaemonError(f"no sound device of this machine plays it: {words}") from error
