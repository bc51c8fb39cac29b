"""The formats that a sound is written in, by the ending of its file: nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A format of libsndfile, its subtype, and what it holds: anything where nothing is named."""

    name: str
    subtype: str
    most_channels: int = 0
    rates: tuple[int, ...] = ()


WAV = ".wav"  # 32-bit float, which audio.wave_file writes
ENCODINGS: Mapping[str, Encoding] = {
    ".flac": Encoding("FLAC", "PCM_24"),
    ".ogg": Encoding("OGG", "VORBIS"),
    ".mp3": Encoding("MP3", "MPEG_LAYER_III", 2, MP3_RATES),
    ".aif": Encoding("AIFF", "PCM_24"),
    ".aiff": Encoding("AIFF", "PCM_24"),
}
