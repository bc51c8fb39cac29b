"""Equal loudness: the gain each timbre and each kit needs, measured on what the networks play."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audio.decibels import db_to_amplitude, power_to_db
from diffusion.embedded.decoder.drum_hits import Hit, Kit
from diffusion.embedded.decoder.harmonic import Instrument, Tone
from diffusion.embedded.decoder.network import Weights
from diffusion.embedded.decoder.sounds import KITS, PITCHED
from diffusion.embedded.performance import RANGES, TIMBRES

RATE = 44100
VELOCITY = 0.7
BASS_DB, NOTE_DB, KIT_DB = -28.0, -30.0, -31.0  # K-weighted, of a held note; of a bar of drums


def weighted_db(sound: NDArray[np.float32]) -> float:
    """Root mean square in dB under the K-weighting of ITU-R BS.1770 (approximate shelves)."""
    power = np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    shelf = 10 ** (4.0 / 10 / (1 + (1681.0 / np.maximum(hz, 1)) ** 4))
    low = (hz / 38.0) ** 4 / (1 + (hz / 38.0) ** 2) ** 2
    mean = float((power * shelf * low).sum()) * 2 / len(sound) ** 2
    return float(power_to_db(mean + 1e-20))


def note_gains(weights: Weights) -> Tensor:
    """Linear gain of each timbre, for three notes in the middle of its part's range."""
    gains = []
    for timbre in PITCHED:
        part = next(p for p, names in TIMBRES.items() if timbre in names)
        low, high = RANGES[part]
        levels = []
        for place in (0.3, 0.5, 0.7):
            pitch = round(low + place * (high - low))
            unit = {**weights, "note_gain": torch.ones(len(PITCHED))}
            instrument = Instrument(unit, timbre, RATE)
            generator = torch.Generator().manual_seed(0)
            sound = instrument.play([Tone(0.0, 1.0, pitch, VELOCITY)], RATE // 2, generator)
            levels.append(weighted_db(sound.numpy()))
        target = BASS_DB if part == "bass" else NOTE_DB
        gains.append(db_to_amplitude(target - float(np.mean(levels))))
    return torch.tensor(gains)


def kit_gains(weights: Weights) -> Tensor:
    """Linear gain of each kit, for a bar of kick, snare and hats at 120 bpm."""
    strokes = [Hit(i * RATE / 4, "closed_hat", 0.6) for i in range(8)]
    strokes += [Hit(i * RATE, "kick", 0.9) for i in (0, 1)]
    strokes += [Hit((i + 0.5) * RATE, "snare", 0.85) for i in (0, 1)]
    gains = []
    for kit in KITS:
        unit = {**weights, "kit_gain": torch.ones(len(KITS))}
        generator = torch.Generator().manual_seed(0)
        sound = torch.zeros(2, 2 * RATE)
        Kit(unit, kit, RATE).play(strokes, sound, generator, {})
        gains.append(db_to_amplitude(KIT_DB - weighted_db(sound.mean(0).numpy())))
    return torch.tensor(gains)
