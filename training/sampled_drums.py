"""Drum kits put together from Sonic Pi's samples, which are in the public domain (CC0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.drum_hits import Hit
from training.sounds import SAMPLE_RATE

FOLDER = Path("/usr/share/sonic-pi/samples")
_SNARES = "sn_dolf sn_dub sn_generic sn_zome drum_snare_hard drum_snare_soft elec_snare"
NAMES: Mapping[str, str] = {
    "kick": "bd_808 bd_ada bd_boom bd_fat bd_gas bd_haus bd_klub bd_mehackit bd_pure bd_sone "
    "bd_tek bd_zome bd_zum drum_heavy_kick drum_bass_hard elec_hollow_kick elec_soft_kick",
    "snare": f"{_SNARES} elec_hi_snare elec_lo_snare elec_mid_snare elec_filt_snare",
    "side_stick": "elec_wood elec_tick perc_snap drum_cowbell",
    "clap": "perc_snap perc_snap2 elec_filt_snare elec_pop",
    "closed_hat": "drum_cymbal_closed drum_cymbal_pedal elec_tick",
    "open_hat": "drum_cymbal_open drum_splash_soft elec_cymbal",
    "low_tom": "drum_tom_lo_hard drum_tom_lo_soft elec_fuzz_tom",
    "mid_tom": "drum_tom_mid_hard drum_tom_mid_soft elec_flip",
    "high_tom": "drum_tom_hi_hard drum_tom_hi_soft elec_bong",
    "crash": "drum_cymbal_hard drum_splash_hard elec_cymbal",
    "ride": "drum_cymbal_soft drum_cymbal_hard",
    "shaker": "drum_cymbal_pedal elec_tick perc_swash",
}
Sound = NDArray[np.float32]


@cache
def _sample(name: str) -> Sound:
    """Mono of a sample at SAMPLE_RATE, its peak at 1."""
    import soundfile
    import soxr

    sides, rate = soundfile.read(FOLDER / f"{name}.flac", dtype="float32", always_2d=True)
    mono = soxr.resample(sides.mean(1), rate, SAMPLE_RATE)
    return np.asarray(mono / max(float(np.abs(mono).max()), 1e-6), np.float32)


def play_samples(hits: Sequence[Hit], frames: int, draw: np.random.Generator) -> Sound:
    """Mono (frames,) of the hits on a kit drawn by chance, its pieces tuned up or down."""
    kit: dict[str, tuple[Sound, float]] = {}
    out = np.zeros(frames, np.float32)
    for hit in hits:
        if hit.piece not in kit:
            sample = _sample(str(draw.choice(NAMES[hit.piece].split())))
            pitch = 2 ** (draw.normal(0, 2) / 12)
            places = np.arange(0, len(sample) - 1, pitch)
            tuned = np.interp(places, np.arange(len(sample)), sample).astype(np.float32)
            quiet = {"kick": 0.0, "snare": -1.0}.get(hit.piece, -8.0)
            kit[hit.piece] = tuned, float(db_to_amplitude(quiet + draw.normal(0, 2)))
        sound, gain = kit[hit.piece]
        start = round(hit.start)
        count = max(0, min(len(sound), frames - start, 4 * SAMPLE_RATE))
        out[start : start + count] += sound[:count] * np.float32(gain * hit.velocity**1.3)
    return out
