"""A WAV file written front to back, with whatever chunks belong before and after its samples.

RIFF as Microsoft and IBM have it (1991); past 4 GB RF64 with 64-bit sizes (EBU Tech 3306).
libsndfile would stamp the time of writing into float files and knows few chunks, so this is ours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.errors import AudioError

PCM, FLOAT = 1, 3  # format tags
BITS = (16, 24, 32)  # 32 is floating point
RIFF_LIMIT = 2**32 - 1  # of what the 32-bit sizes hold
DS64_BYTES = 28

Chunk = tuple[bytes, bytes]  # its four letters, and what it holds


class WaveFile:
    """An open WAV file of `frames` that are known beforehand; blocks are written in order.

    `bits` 16 and 24 take whole numbers in their own range, 32 takes float32. As a context manager
    it closes itself; one that is left early, by an error, is not a whole file. Raises AudioError
    for other blocks or too many or few frames, OSError where the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        frames: int,
        bits: int,
        *,
        before: Iterable[Chunk] = (),
        after: Iterable[Chunk] = (),
    ) -> None:
        if bits not in BITS:
            raise AudioError(f"bits must be 16 or 24 (PCM) or 32 (float), not {bits}")
        self._channels, self._bits, self._left = channels, bits, frames
        frame_bytes = channels * bits // 8
        data_bytes = frames * frame_bytes
        head = b"".join(_chunk(*each) for each in before)
        head += _chunk(b"fmt ", struct.pack(
            "<HHIIHH", FLOAT if bits == 32 else PCM, channels, sample_rate,
            sample_rate * frame_bytes, frame_bytes, bits,
        ))  # fmt: skip
        if bits == 32:
            head += _chunk(b"fact", struct.pack("<I", min(frames, RIFF_LIMIT)))
        self._tail = b"\0" * (data_bytes % 2) + b"".join(_chunk(*each) for each in after)
        size = 4 + len(head) + 8 + data_bytes + len(self._tail)
        if size <= RIFF_LIMIT:
            start = struct.pack("<4sI4s", b"RIFF", size, b"WAVE")
            data = struct.pack("<4sI", b"data", data_bytes)
        else:
            sizes = struct.pack("<QQQI", size + 8 + DS64_BYTES, data_bytes, frames, 0)
            start = struct.pack("<4sI4s", b"RF64", 2**32 - 1, b"WAVE") + _chunk(b"ds64", sizes)
            data = struct.pack("<4sI", b"data", 2**32 - 1)
        self._file = path.open("wb")
        self._file.write(start + head + data)

    def write(self, block: npt.NDArray[np.float32] | npt.NDArray[np.int32]) -> None:
        """Append a block (channels, frames)."""
        wanted = np.float32 if self._bits == 32 else np.int32
        if block.dtype != wanted or block.ndim != 2 or block.shape[0] != self._channels:
            raise AudioError(
                f"block must be {np.dtype(wanted)} of the shape ({self._channels}, frames), "
                f"not {block.dtype} {block.shape}"
            )
        if block.shape[1] > self._left:
            raise AudioError(f"block has {block.shape[1]} frames, {self._left} were to come")
        self._left -= block.shape[1]
        self._file.write(_packed(block, self._bits))

    def close(self) -> None:
        """Write what comes after the samples; raises AudioError if frames are missing."""
        with self._file:
            if self._left:
                raise AudioError(f"{self._left} frames more were to come")
            self._file.write(self._tail)

    def __enter__(self) -> WaveFile:
        return self

    def __exit__(self, kind: object, *what: object) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _packed(block: npt.NDArray[np.float32] | npt.NDArray[np.int32], bits: int) -> bytes:
    """Interleave; little-endian, whole numbers by their lowest bytes."""
    kind = "<f4" if bits == 32 else "<i4"
    wide = np.ascontiguousarray(block.T, kind).view(np.uint8).reshape(*block.T.shape, 4)
    return wide[..., : bits // 8].tobytes()
