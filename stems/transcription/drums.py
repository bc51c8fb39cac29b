"""Which drums are struck and when, detected by a small network of our own.

training/train_drum_hearing.py made its weights. It is small enough for numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.features import audible
from midi.note import TimedNote
from stems.errors import StemError

Array = npt.NDArray[np.float32]

# What the network distinguishes, in the order of its outputs: General MIDI percussion.
DRUMS: Mapping[str, int] = {
    "kick": 36, "snare": 38, "side_stick": 37, "clap": 39, "closed_hat": 42, "open_hat": 46,
    "low_tom": 45, "mid_tom": 47, "high_tom": 50, "crash": 49, "ride": 51, "shaker": 70,
}  # fmt: skip
WEIGHTS = "drums.safetensors"
# The least probability of a stroke; higher for drums that sound much like another. Chosen on
# held-out pieces of seed 6, which no figure in the docs is from.
SURE: Mapping[str, float] = {
    "kick": 0.25, "snare": 0.25, "side_stick": 0.4, "clap": 0.4, "hat": 0.28,
    "low_tom": 0.5, "mid_tom": 0.5, "high_tom": 0.5, "crash": 0.45, "ride": 0.45, "shaker": 0.3,
}  # fmt: skip
HATS = ("closed_hat", "open_hat")
APART_HOPS = 3  # two strokes of one drum within 30 ms are one
LENGTH_SECONDS = 0.1  # of every stroke: drums ring as they like
SILENCE = 1e-4
# Its features: how loud some bands are, a hundred times a second.
BANDS, LOWEST_HZ, HIGHEST_HZ = 48, 30.0, 16_000.0
HOP_SECONDS, WINDOW_SECONDS = 0.010, 0.046
BEFORE, AFTER = 2, 6  # hops around each moment that are features: 20 ms back, 60 ms on
FLOOR = 1e-3  # of the loudest moment; softer is silence


def detect_drums(clip: Clip) -> list[TimedNote]:
    """Return the strokes in a clip by start; raises StemError without the weights."""
    clip = audible(clip)
    mono = clip.samples[0]
    # What is over before a hop has passed is no stroke but a click.
    if mono.size < HOP_SECONDS * clip.sample_rate or np.abs(mono).max() < SILENCE:
        return []
    sure, velocity = activations(band_levels(mono, clip.sample_rate))
    found = []
    names = list(DRUMS)
    for what, least in SURE.items():
        # A hat is surely one before it is known whether it is open.
        columns = [names.index(name) for name in (HATS if what == "hat" else (what,))]
        together = sure[:, columns].sum(1)
        for hop in _peaks(together, least):
            drum = columns[int(sure[hop, columns].argmax())]
            start = max(0.0, (hop + _between(together, hop)) * HOP_SECONDS)
            loud = float(np.clip(velocity[hop, drum], 0.05, 1))
            found.append(TimedNote(start, LENGTH_SECONDS, DRUMS[names[drum]], loud))
    return sorted(found, key=lambda note: (note.start_seconds, note.pitch))


def band_levels(mono: Array, sample_rate: int) -> Array:
    """Return magnitudes (hops, BANDS) of (frames,), 1.0 the loudest; hop i is centred at i x 10 ms.

    Bands are triangles even on the mel scale. Zero everywhere for silence.
    """
    hop = HOP_SECONDS * sample_rate
    window = 1 << round(np.log2(WINDOW_SECONDS * sample_rate))
    bank = _bank(sample_rate, window)
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    padded = np.pad(mono.astype(np.float32), (window // 2, window))
    count = int(len(mono) / hop) + 1
    out = np.empty((count, BANDS), np.float32)
    for first in range(0, count, 1_000):
        starts = np.round(np.arange(first, min(first + 1_000, count)) * hop).astype(int)
        cut = np.lib.stride_tricks.sliding_window_view(padded, window)[starts]
        out[first : first + 1_000] = np.abs(np.fft.rfft(cut * hann)).astype(np.float32) @ bank
    loudest = float(out.max())
    return out / np.float32(loudest) if loudest > 0 else out


def with_surroundings(levels: Array) -> Array:
    """Return (hops, (BEFORE + 1 + AFTER) x BANDS) log levels, each hop with its neighbours."""
    logs = np.log10(levels + FLOOR) / 3 + 1  # 0 for silence, 1 for the loudest
    padded = np.pad(logs, ((BEFORE, AFTER), (0, 0)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, BEFORE + 1 + AFTER, 0)
    return np.ascontiguousarray(cut.transpose(0, 2, 1)).reshape(len(levels), -1)


def activations(levels: Array) -> tuple[Array, Array]:
    """Return how sure each drum's stroke is and how hard, (hops, len(DRUMS)) each, in 0..1."""
    weights = _weights()
    x = with_surroundings(levels)
    layers = len(weights) // 2
    for layer in range(layers):
        x = x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        x = np.maximum(x, 0) if layer < layers - 1 else x
    out = (1 / (1 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)
    return out[:, : len(DRUMS)], out[:, len(DRUMS) :]


def _peaks(sure: Array, least: float) -> list[int]:
    from scipy.ndimage import maximum_filter1d

    highest = maximum_filter1d(sure, 2 * APART_HOPS - 1) == sure
    return [int(hop) for hop in np.flatnonzero(highest & (sure >= least))]


def _between(sure: Array, hop: int) -> float:
    """Where between hops the peak lies, -0.5..0.5, by the parabola through it and its sides."""
    if not 0 < hop < len(sure) - 1:
        return 0.0
    before, at, after = (float(np.log(sure[i] + 1e-6)) for i in (hop - 1, hop, hop + 1))
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


@cache
def _weights() -> dict[str, Array]:
    from safetensors.numpy import load

    try:
        data = (resources.files("stems.transcription") / WEIGHTS).read_bytes()
    except OSError as error:
        raise StemError(f"{WEIGHTS} is missing; install backline again") from error
    return {name: tensor.astype(np.float32) for name, tensor in load(data).items()}


@cache
def _bank(sample_rate: int, window: int) -> Array:
    hz = np.arange(window // 2 + 1) * sample_rate / window
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    rise = (hz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hz[:, None]) / np.diff(edges)[1:]
    bank = np.maximum(0, np.minimum(rise, fall))
    # The lowest bands are narrower than a bin: each has at least the bin nearest to it.
    nearest = np.abs(hz[:, None] - edges[1:-1]).argmin(0)
    bank[nearest, np.arange(BANDS)] = np.maximum(bank[nearest, np.arange(BANDS)], 0.5)
    return np.asarray(bank / bank.sum(0), np.float32)
