"""Sound files in the format that their ending names, made from a float WAV."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audio.decibels import amplitude_to_db
from audio.encodings import ENCODINGS
from audio.errors import AudioError, file_errors
from audio.sound_reader import SoundReader

BLOCK_FRAMES = 1 << 18
FULL_SCALE = 1 - 1e-6


def check_encoding(target: Path, source: Path) -> None:
    """Raise AudioError where the format of the target's ending cannot hold the source's sound."""
    encoding = ENCODINGS.get(target.suffix.lower())
    if encoding is None:
        return
    with SoundReader(source) as file:
        if file.channels > (encoding.most_channels or file.channels):
            raise AudioError(
                f"{target.suffix} holds {encoding.most_channels} channels at most, {source} has "
                f"{file.channels}; choose .wav or .flac"
            )
        if encoding.rates and file.sample_rate not in encoding.rates:
            raise AudioError(
                f"{target.suffix} holds sounds of {', '.join(map(str, encoding.rates))} Hz, "
                f"{source} has {file.sample_rate} Hz; choose .wav or .flac"
            )


def peak_of(path: Path) -> float:
    """Return the highest absolute sample of a sound file; raises AudioError."""
    peak = 0.0
    with SoundReader(path) as sound:
        while (block := sound.read(BLOCK_FRAMES)).shape[1]:
            peak = max(peak, float(np.abs(block).max()))
    return peak


def encode(wav: Path, target: Path, peak: float | None = None) -> float:
    """Write a float WAV in the format of the target's ending; return the gain it took in dB.

    That is 0, or what brings a peak beyond full scale, where these formats clip, down to it: its
    own, or the `peak` of several that are to keep their levels. Raises AudioError.
    """
    import soundfile

    encoding = ENCODINGS[target.suffix.lower()]
    peak = peak_of(wav) if peak is None else peak
    gain = FULL_SCALE / peak if peak > 1 else 1.0
    with SoundReader(wav) as sound:
        with file_errors("write", target), soundfile.SoundFile(
            target, "w", sound.sample_rate, sound.channels,
            subtype=encoding.subtype, format=encoding.name,
        ) as file:  # fmt: skip
            while (block := sound.read(BLOCK_FRAMES)).shape[1]:
                file.write(np.ascontiguousarray((block * np.float32(gain)).T))
    return amplitude_to_db(gain)
