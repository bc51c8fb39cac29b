"""The mix of one piece: what is done to every stem, worked out once from all of them and kept.

Each stem has a level, its room and its width; one width and one gain over time are common to all,
so the stems still add up to the mix. What is kept (Bus) is enough to do the same to a stem that is
played anew, beside stems that stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audio.clip import Clip
from audio.decibels import Levels, db_to_amplitude
from audio.loudness import gated_lufs, weighted_power
from audio.stem_names import STEMS
from diffusion.embedded.mix import gain
from diffusion.embedded.mix.sound import balance_of, room_of
from diffusion.embedded.mix.space import joined, middle_and_sides, responses
from diffusion.errors import EngineError

WORKERS = 2
SILENT_LUFS = -60.0  # quieter stems keep the level of a stem that is not there
LEAST_LEVEL_DB, MOST_LEVEL_DB = -6.0, 12.0
# The sides beside the middle of the mix, in dB, and how far the width goes to get there.
SIDES_DB = -7.5
LEAST_WIDTH, MOST_WIDTH = 0.3, 2.5
END_FADE_SECONDS = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Bus:
    """A mix's settings: the style whose room it is in, levels by stem, width, the gain in dB.

    With `wraps` the piece is a loop, and what rings on over its end sounds at its beginning.
    """

    style: str
    wraps: bool
    levels_db: Mapping[str, float]
    width: float
    gain_db: Levels

    def as_plain(self) -> dict[str, object]:
        """Return it as JSON types: what is kept in the score."""
        return {
            "style": self.style,
            "wraps": self.wraps,
            "levels_db": dict(self.levels_db),
            "width": self.width,
            "gain": gain.as_text(self.gain_db),
        }

    @classmethod
    def from_plain(cls, plain: Any, frames: int, sample_rate: int) -> Bus:
        """Read what as_plain gave of a piece of `frames`; raises EngineError for anything else."""
        try:
            levels = {stem: float(plain["levels_db"][stem]) for stem in STEMS}
            width, text = float(plain["width"]), str(plain["gain"])
            style, wraps = str(plain["style"]), bool(plain["wraps"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"{type(error).__name__} {error}"
            raise EngineError(f"the mix in the score cannot be read: {problem}") from None
        return cls(style, wraps, levels, width, gain.from_text(text, frames, sample_rate))


def mixed(
    stems: Mapping[str, Clip],
    style: str,
    target_lufs: float,
    *,
    wraps: bool,
    check: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Clip], Bus]:
    """Mix the whole band: its stems as they sound in the mix, and how it was done.

    `check` is called between two steps and may raise to stop.
    """
    levels = {stem: _level(stems.get(stem), balance_of(style).of(stem)) for stem in STEMS}
    parts = _in_space(stems, style, wraps, check)
    width = _width(parts, levels)
    sounds = {
        stem: joined(each, db_to_amplitude(levels[stem]), width) for stem, each in parts.items()
    }
    rate = next(iter(stems.values())).sample_rate
    check()
    total = torch.zeros_like(next(iter(sounds.values())))
    loudest = torch.zeros_like(total)
    for sound in sounds.values():
        total += sound
        torch.maximum(loudest, sound.abs(), out=loudest)
    curve = gain.gain_curve(
        Clip(total.numpy(), rate), Clip(loudest.numpy(), rate), target_lufs, wraps=wraps
    )
    bus = Bus(style, wraps, levels, width, curve)
    return _gained(sounds, bus, rate), bus


def mixed_as(
    stems: Mapping[str, Clip], bus: Bus, *, check: Callable[[], None] = lambda: None
) -> dict[str, Clip]:
    """Return some stems as they sound in the mix that `bus` is of."""
    parts = _in_space(stems, bus.style, bus.wraps, check)
    sounds = {
        stem: joined(each, db_to_amplitude(bus.levels_db[stem]), bus.width)
        for stem, each in parts.items()
    }
    return _gained(sounds, bus, next(iter(stems.values())).sample_rate)


def _level(clip: Clip | None, beside_lufs: float) -> float:
    """The gain in dB that gives a stem its loudness beside the mix's; the mix's own comes later."""
    if clip is None:
        return 0.0
    hop = gain.hop_frames(clip.sample_rate)
    lufs = gated_lufs(weighted_power(clip, hop), hop / clip.sample_rate)
    if lufs is None or lufs < SILENT_LUFS:
        return 0.0
    return float(np.clip(beside_lufs - 18.0 - lufs, LEAST_LEVEL_DB, MOST_LEVEL_DB))


def _in_space(
    stems: Mapping[str, Clip], style: str, wraps: bool, check: Callable[[], None]
) -> dict[str, Tensor]:
    room = room_of(style)

    def place(stem: str) -> Tensor:
        check()
        clip = stems[stem]
        return middle_and_sides(clip.samples, responses(stem, room, clip.sample_rate), wraps=wraps)

    with ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return dict(zip(stems, pool.map(place, stems), strict=True))


def _width(parts: Mapping[str, Tensor], levels_db: Mapping[str, float]) -> float:
    """The width that brings the mix's sides to SIDES_DB beside its middle, within limits."""
    frames = next(iter(parts.values())).shape[1]
    total = torch.zeros(3, frames)
    for stem, each in parts.items():
        total.add_(each, alpha=db_to_amplitude(levels_db[stem]))
    middle, own, added = total
    wanted = float(middle @ middle) * 10 ** (SIDES_DB / 10) - float(own @ own)
    square, half = float(added @ added), float(own @ added)
    if square == 0.0:
        return 1.0
    root = max(0.0, half * half + square * wanted)
    return float(np.clip((root**0.5 - half) / square, LEAST_WIDTH, MOST_WIDTH))


def _gained(sounds: Mapping[str, Tensor], bus: Bus, sample_rate: int) -> dict[str, Clip]:
    frames = next(iter(sounds.values())).shape[1]
    factors = torch.from_numpy(gain.factors(bus.gain_db, frames, sample_rate))
    if not bus.wraps:
        fade = min(frames, max(1, round(END_FADE_SECONDS * sample_rate)))
        factors[frames - fade :] *= torch.linspace(1, 0, fade)
    return {stem: Clip(sound.mul_(factors).numpy(), sample_rate) for stem, sound in sounds.items()}
