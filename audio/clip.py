"""A clip of sound: samples at a rate, checked once; read, written and resampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.errors import AudioError, file_errors
from audio.sound_reader import (
    MAX_CHANNELS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    SoundReader,
)
from midi.number import is_whole

Samples = npt.NDArray[np.float32]

MAX_READ_SECONDS = 1800
BLOCK_FRAMES = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Finite float32 samples of shape (channels, frames), full scale at 1.0; rate in Hz.

    The samples are kept without a copy and cannot be written through the clip. Raises AudioError.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        samples = self.samples
        if not isinstance(samples, np.ndarray) or samples.dtype != np.float32:
            kind = getattr(samples, "dtype", type(samples).__name__)
            raise AudioError(f"samples must be a float32 array, not {kind}")
        if samples.ndim != 2 or not 1 <= samples.shape[0] <= MAX_CHANNELS or not samples.shape[1]:
            raise AudioError(
                f"samples must have the shape (1..{MAX_CHANNELS} channels, 1 or more frames), "
                f"not {samples.shape}"
            )
        _check_rate(self.sample_rate)
        if not np.isfinite(samples).all():
            raise AudioError("samples must be finite; the clip holds NaN or infinity")
        view = samples.view()
        view.flags.writeable = False
        object.__setattr__(self, "samples", view)

    @property
    def channels(self) -> int:
        """Return how many channels there are."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Return the length in frames."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """Return the length in seconds."""
        return self.frames / self.sample_rate

    @property
    def peak(self) -> float:
        """Largest absolute sample; 1.0 is full scale."""
        return float(max(self.samples.max(), -self.samples.min()))


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A clip that was read from a file, what the file lacks by its own header, and remarks."""

    clip: Clip
    missing_seconds: float
    remarks: tuple[str, ...]


def check_same_shape(mix: Clip, others: Mapping[str, Clip]) -> None:
    """Raise AudioError, by the others' names, unless all have the mix's rate and shape."""
    wanted = f"{mix.sample_rate} {mix.samples.shape}"
    for name, clip in others.items():
        found = f"{clip.sample_rate} {clip.samples.shape}"
        if found != wanted:
            raise AudioError(f"{name} must have the mix's rate and shape {wanted}, not {found}")


def read_clip(path: Path, *, stereo: bool = False) -> Clip:
    """Read a sound file, with `stereo` mixed down to two channels; raises AudioError."""
    return read_recorded(path, stereo=stereo).clip


def read_recorded(path: Path, *, stereo: bool = False) -> Recorded:
    """Read all that can be read of a sound file, and what there is to say of it."""
    blocks: list[Samples] = []
    with SoundReader(path, stereo=stereo) as file:
        limit = MAX_READ_SECONDS * file.sample_rate
        if (file.known_frames or 0) > limit:
            raise AudioError(f"{path} lasts longer than the limit of {MAX_READ_SECONDS} s")
        while (block := file.read(BLOCK_FRAMES)).shape[1]:
            blocks.append(block)
            if file.frames_read > limit:
                raise AudioError(f"{path} lasts longer than the limit of {MAX_READ_SECONDS} s")
        if not blocks:
            raise AudioError(f"{path} holds no sound (0 frames)")
        samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
        return Recorded(Clip(samples, file.sample_rate), file.missing_seconds, file.remarks())


def write_wav(path: Path, clip: Clip) -> None:
    """Write 32-bit float, the same bytes for the same clip at any time; raises AudioError."""
    from audio.wave_file import WaveFile

    with file_errors("write", path):
        with WaveFile(path, clip.sample_rate, clip.channels, clip.frames, 32) as file:
            file.write(clip.samples)


def resample(clip: Clip, sample_rate: int) -> Clip:
    """Return the clip at another rate in Hz, ceil(frames x ratio) frames; raises AudioError.

    Band-limited windowed-sinc interpolation (Kaiser, 64 zero crossings) by torchaudio.
    """
    _check_rate(sample_rate)
    if sample_rate == clip.sample_rate:
        return clip
    import torch
    from torchaudio.functional import resample as resample_tensor

    resampled = resample_tensor(
        torch.from_numpy(clip.samples.copy()),
        clip.sample_rate,
        sample_rate,
        lowpass_filter_width=64,  # this and the next three: "kaiser_best" of resampy
        rolloff=0.9475937167399596,
        resampling_method="sinc_interp_kaiser",
        beta=14.769656459379492,
    )
    return Clip(resampled.numpy(), sample_rate)


def stereo(clip: Clip, sample_rate: int) -> Clip:
    """The clip at a rate in Hz and with two channels, `(2, frames)`.

    Mono goes to both; of more than two both get the mean. Raises AudioError.
    """
    resampled = resample(clip, sample_rate)
    if resampled.channels == 2:
        return resampled
    mono = resampled.samples.mean(axis=0, keepdims=True, dtype=np.float32)
    return Clip(np.repeat(mono, 2, axis=0), sample_rate)


def resample_fast(clip: Clip, sample_rate: int) -> Clip:
    """Return the clip at another rate to be measured: fast, and without torch.

    Polyphase filtering by scipy, whose Kaiser window lets some of the highest octave's edge alias.
    Raises AudioError.
    """
    _check_rate(sample_rate)
    if sample_rate == clip.sample_rate:
        return clip
    from scipy.signal import resample_poly

    resampled = resample_poly(clip.samples, sample_rate, clip.sample_rate, axis=1)
    return Clip(np.asarray(resampled, np.float32), sample_rate)


def _check_rate(sample_rate: int) -> None:
    if not is_whole(sample_rate, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE):
        raise AudioError(
            f"sample rate must be a whole number of Hz from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE}, not {sample_rate!s:.40}"
        )
