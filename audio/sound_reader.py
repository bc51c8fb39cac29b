"""A sound file of any kind, read front to back: all that can be read of it, and what is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from audio.errors import AudioError, file_errors
from audio.file_parts import PartFile, parts_of
from audio.foreign_sounds import decoded, foreign_kind
from audio.mix_down import mix_down
from midi.user_file import open_file

if TYPE_CHECKING:
    from soundfile import SoundFile

Samples = npt.NDArray[np.float32]

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 192_000
MAX_CHANNELS = 8
MAX_LEVEL = 2.0**31  # of float samples: those of whole numbers that were never scaled
STEPS = (1 << 16, 4096, 64, 1)  # frames at a time: shorter where a decoder gives up
UNKNOWN_FRAMES = 2**36 - 1  # the most that FLAC can state, and says when it does not know
WHOLE_FRAMES = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")  # as many as libsndfile says
LEAST_MISSING_SECONDS = 0.001


class SoundReader:
    """An open sound file; as a context manager it closes itself.

    With `stereo` more than two channels come mixed down to two. Raises AudioError, in one sentence
    with the file's name, for what cannot be read at all, NaN, and what is beyond the limits.
    """

    def __init__(self, path: Path, *, stereo: bool = False) -> None:
        self.path = path
        self._converted: Path | None = None
        with file_errors("read", path):
            kind = foreign_kind(path)
            self._file = path
            if kind:
                self._file = self._converted = decoded(path, kind)
            with open_file(self._file) as file:
                self._size = os.fstat(file.fileno()).st_size
                self._parts = parts_of(file)
        self._part = self._in_part = 0  # which part, and how many frames of it were read
        self._step = STEPS[0]
        self.frames_read, self._left_out = 0, ""
        self._missing: dict[int, int] = {}  # frames, by the number of the part
        self._sound = self._open(0)
        self.sample_rate, self.file_channels = int(self._sound.samplerate), self._sound.channels
        self.channels = min(2, self.file_channels) if stereo else self.file_channels
        self._order = self._sound.subtype if self._sound.subtype == "VORBIS" else ""
        self._check()

    @property
    def known_frames(self) -> int | None:
        """The length in frames where it is certain before all has been read."""
        is_certain = len(self._parts) == 1 and self._sound.format in WHOLE_FRAMES
        is_plain = self._sound.subtype.startswith(("PCM", "FLOAT", "DOUBLE"))
        return int(self._sound.frames) if is_certain and is_plain else None

    @property
    def missing_seconds(self) -> float:
        """How much there should be by the file's own header and is not, once all was read."""
        seconds = sum(self._missing.values()) / self.sample_rate
        return round(seconds, 3) if seconds >= LEAST_MISSING_SECONDS else 0.0

    def remarks(self) -> tuple[str, ...]:
        """Say, once all was read, what of the file is not as it should be."""
        found = []
        is_whole = self._parts[self._part].is_whole
        if self.missing_seconds:
            whole, least = self._seconds + self.missing_seconds, "" if is_whole else "at least "
            found.append(
                f"{self.path.name} has {whole:.2f} s by its header; {least}"
                f"{self.missing_seconds:.2f} s are not there or cannot be read"
            )
        elif not is_whole:
            found.append(
                f"{self.path.name} stops before its end, after {self._seconds:.2f} s; how much is "
                "missing it does not say"
            )
        if self._left_out:
            found.append(f"{self.path.name}: {self._left_out}")
        if self._part:
            found.append(f"{self.path.name} is {self._part + 1} files in one, read one by one")
        if self.channels != self.file_channels:
            found.append(
                f"the {self.file_channels} channels of {self.path.name} are mixed down to stereo "
                "(ITU-R BS.775, without the low-frequency channel)"
            )
        return tuple(found)

    def read(self, frames: int) -> Samples:
        """Return the next (channels, frames), fewer only at the end; float32."""
        blocks, left = [], frames
        while left > 0 and len(block := self._next(left)):
            blocks.append(self._checked(block))
            self.frames_read += len(block)
            left -= len(block)
        if not blocks:
            return np.empty((self.channels, 0), np.float32)
        found = np.ascontiguousarray(np.concatenate(blocks).T)
        return mix_down(found, self._order) if self.channels != self.file_channels else found

    def rewind(self) -> None:
        """Begin again at the first frame."""
        self._part = self.frames_read = 0
        self._left_out, self._step = "", STEPS[0]
        self._missing.clear()
        self._reopen()

    def close(self) -> None:
        """Close the file."""
        self._sound.close()
        if self._converted:
            shutil.rmtree(self._converted.parent, ignore_errors=True)

    def __enter__(self) -> SoundReader:
        return self

    def __exit__(self, *what: object) -> None:
        self.close()

    def _next(self, most: int) -> npt.NDArray[np.float32]:
        """The next frames, as they lie in the file: (n, channels), none only at the very end."""
        while True:
            block = self._decoded(most)
            if len(block):
                self._in_part += len(block)
                return block
            stated = self._part_stated()
            lacking = 0 if stated is None else max(0, stated - self._in_part)
            self._missing[self._part] = lacking
            if not self._has_next():
                return block
            self._part += 1
            self._reopen()

    def _decoded(self, most: int) -> npt.NDArray[np.float32]:
        """Read on; where the decoder refuses, again in shorter steps, up to the very frame."""
        import soundfile

        while True:
            try:
                count = min(most, self._step)
                block: npt.NDArray[np.float32] = self._sound.read(
                    count, dtype="float32", always_2d=True
                )
                return block
            except (OSError, soundfile.SoundFileError):
                if self._step == STEPS[-1]:
                    return np.empty((0, self.file_channels), np.float32)
                self._step = STEPS[STEPS.index(self._step) + 1]
                self._reopen(self._in_part)

    def _has_next(self) -> bool:
        """True where another file is glued to this one that goes on like it."""
        if self._part + 1 == len(self._parts):
            return False
        with self._open(self._part + 1) as following:
            found = following.samplerate, following.channels
        if found == (self.sample_rate, self.file_channels):
            return True
        self._left_out = (
            f"what follows after {self._seconds:.2f} s has {found[0]} Hz and {found[1]} channels "
            "and is left out"
        )
        return False

    def _part_stated(self) -> int | None:
        """How many frames the header of this part says that there are, if it does."""
        part = self._parts[self._part]
        if part.stated_frames is not None:
            return part.stated_frames
        frames = int(self._sound.frames) - part.skip_frames
        return frames if frames < UNKNOWN_FRAMES else None

    def _reopen(self, in_part: int = 0) -> None:
        self._sound.close()
        self._sound = self._open(self._part)
        left = in_part
        while left > 0 and len(block := self._sound.read(min(left, STEPS[0]), dtype="float32")):
            left -= len(block)
        self._in_part = in_part - left

    def _open(self, number: int) -> SoundFile:
        import soundfile

        part = self._parts[number]
        with file_errors("read", self.path):
            try:
                if part.is_all_of(self._size):
                    sound = _opened(self._file)
                else:
                    sound = soundfile.SoundFile(PartFile(open_file(self._file), part))
            except TypeError:  # of a headerless file: soundfile asks for its rate
                raise AudioError(f"cannot read {self.path}: it has no header") from None
            except soundfile.LibsndfileError as error:  # whose own words hold the name as bytes
                reason = error.error_string.rstrip(".")
                raise AudioError(f"cannot read {self.path}: {reason}") from error
            if part.skip_frames:
                sound.read(part.skip_frames, dtype="float32")
        return sound

    def _check(self) -> None:
        if self.file_channels > MAX_CHANNELS:
            raise AudioError(
                f"{self.path} has {self.file_channels} channels, the limit is {MAX_CHANNELS}"
            )
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise AudioError(
                f"{self.path} has {self.sample_rate} Hz; sounds of {MIN_SAMPLE_RATE} to "
                f"{MAX_SAMPLE_RATE} Hz can be read"
            )

    def _checked(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        worst = float(np.abs(block).max())
        if not worst <= MAX_LEVEL:
            first = int(np.argmin(np.abs(block).max(axis=1) <= MAX_LEVEL))
            at = f"at {(self.frames_read + first) / self.sample_rate:.3f} s"
            if np.isfinite(worst):
                raise AudioError(f"{self.path} holds samples beyond {MAX_LEVEL:.0f} {at}")
            raise AudioError(f"{self.path} holds NaN or infinity {at}")
        return block

    @property
    def _seconds(self) -> float:
        return self.frames_read / self.sample_rate


def _opened(path: Path) -> SoundFile:
    """Open a file by its descriptor: what was found in order is read, wherever its path leads."""
    import soundfile

    if os.name == "nt" or path.suffix.lower() == ".raw":  # which soundfile knows by its name
        return soundfile.SoundFile(os.fspath(path))
    with open_file(path) as file:
        return soundfile.SoundFile(os.dup(file.fileno()), closefd=True)
