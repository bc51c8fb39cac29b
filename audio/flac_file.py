"""A FLAC file of 24-bit whole numbers, written front to back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.errors import file_errors


class FlacFile:
    """An open FLAC file; blocks (channels, frames) are written in order, as with WaveFile.

    `texts` are title, artist, album, comment or software: FLAC holds no chunks. As a context
    manager it closes itself. Raises AudioError where the disk or the format refuses.
    """

    def __init__(
        self, path: Path, sample_rate: int, channels: int, texts: Mapping[str, str] | None = None
    ) -> None:
        import soundfile

        self._path = path
        with file_errors("write", path):
            self._file = soundfile.SoundFile(
                path, "w", sample_rate, channels, subtype="PCM_24", format="FLAC"
            )
            for name, text in filter(all, (texts or {}).items()):
                setattr(self._file, name, text)

    def write(self, block: npt.NDArray[np.int32]) -> None:
        """Append whole numbers of 24 bits; raises AudioError."""
        with file_errors("write", self._path):
            self._file.write(np.ascontiguousarray(block.T) << 8)  # libsndfile takes the upper bits

    def __enter__(self) -> FlacFile:
        return self

    def __exit__(self, *what: object) -> None:
        with file_errors("write", self._path):
            self._file.close()
