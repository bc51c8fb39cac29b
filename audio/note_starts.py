"""When notes start, and how far each of these moments is to be trusted, by two networks.

An onset detector finds that something changes: a held string that trembles as much as a new note,
and a note that swells only once it has swollen. The first network (76 thousand weights in four
convolutions over time, 90 ms to either side) was trained on known note starts, of the sounds of the
decoder that ships and by a soundfont, and says for each 6 ms (at 44.1 kHz) how likely one does; the
second says of each moment how far it may lie off. `python -m training.fit_note_starts` trains
both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.special import expit

from audio.features import Features, Floats, OnsetEnvelope, Power

# What a start that was found may be: so late on average, spread by so much, players' own scatter
# of 4 ms included; the last is anything at all. The first ON_TIME of them are on time.
LATE_SECONDS = (0.0, 0.0, -0.005, 0.005, -0.010, 0.010, -0.018, 0.018, 0.0, 0.0)
SPREAD_SECONDS = (0.0033, 0.0042, 0.005, 0.005, 0.005, 0.005, 0.007, 0.007, 0.012, 0.029)
ON_TIME = 4
WEIGHTS = "note_starts.safetensors"
DILATIONS = (1, 1, 2, 4)  # of the convolutions, in hops
AROUND = 24  # hops of silence in front and behind
BLOCK = 4096  # hops at a time, and these more at its ends that a convolution sees
BESIDE = 16
DEEPEST_DB = -80.0  # against the loudest of the recording
MIN_ODDS = -2.2  # one to nine
APART_HOPS = 3
# A recording that is cut into begins with what looks like a start, and hides one just behind it.
EDGE_SECONDS, EDGE_TRUST = 0.008, 0.2
HIDDEN_HOPS, CHANCE_HOPS = 2, 8  # to either side of a start, that the second network sees


@dataclass(frozen=True, slots=True, eq=False)
class NoteStarts:
    """Seconds (n,) at which notes start, and the chances (n, kinds) by which each is of a kind.

    `envelope` says how likely a note starts, 0..1, at any moment.
    """

    seconds: Floats
    chances: Floats
    envelope: OnsetEnvelope

    @property
    def on_time(self) -> Floats:
        """How likely each is on time (n,)."""
        return np.asarray(self.chances[:, :ON_TIME].sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What the first network says of a recording: log odds (n,) that a note starts, at `seconds`.

    `hidden` (values, n) are those of its last layer, which the second network looks at.
    """

    seconds: Floats
    odds: Power
    hidden: Power

    @property
    def likely(self) -> Power:
        """How likely a note starts, 0..1."""
        return np.asarray(expit(self.odds))

    def find_starts(self) -> tuple[Floats, Power]:
        """Seconds (n,) where notes may start, and what the second network sees of each (n, 258)."""
        odds = self.odds
        highest = maximum_filter1d(odds, 2 * APART_HOPS + 1)
        peaks = np.flatnonzero((odds == highest) & (odds > MIN_ODDS))
        peaks = peaks[(peaks > CHANCE_HOPS) & (peaks < len(odds) - CHANCE_HOPS - 1)]
        before, top, after = odds[peaks - 1], odds[peaks], odds[peaks + 1]
        bend = np.minimum(before - 2 * top + after, -1e-6)
        vertex = np.clip((before - after) / bend / 2, -0.5, 0.5)
        near = self.hidden[:, peaks[:, None] + np.arange(-HIDDEN_HOPS, HIDDEN_HOPS + 1)]
        seen = [
            near.transpose(1, 0, 2).reshape(len(peaks), len(near) * near.shape[2]),
            odds[peaks[:, None] + np.arange(-CHANCE_HOPS, CHANCE_HOPS + 1)],
            vertex[:, None],
        ]
        step = self.seconds[1] - self.seconds[0]
        return self.seconds[peaks] + vertex * step, np.concatenate(seen, axis=1)


def find_note_starts(features: Features) -> NoteStarts:
    """Find where notes start by the features of a recording."""
    weights = _weights()
    found = run_network(features)
    seconds, seen = found.find_starts()
    inside = np.maximum(seen @ weights["gate.0.weight"].T + weights["gate.0.bias"], 0)
    scores = inside @ weights["gate.1.weight"].T + weights["gate.1.bias"]
    chances = np.exp(scores - scores.max(axis=1, keepdims=True)).astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    at_edge = seconds < EDGE_SECONDS
    chances[at_edge] *= EDGE_TRUST
    chances[at_edge, -1] += 1 - EDGE_TRUST
    likely = found.likely[AROUND:-AROUND].astype(np.float64)
    return NoteStarts(seconds, chances, OnsetEnvelope(likely, found.seconds[AROUND:-AROUND]))


def run_network(features: Features) -> NetworkOutput:
    """Run the first network over a recording, some seconds at a time."""
    weights, sound = _weights(), inputs(features)
    count = sound.shape[1]
    hidden = np.empty((weights["layer.0.bias"].shape[0], count), np.float32)
    for first in range(0, count, BLOCK):
        low, high = max(0, first - BESIDE), min(count, first + BLOCK + BESIDE)
        block = sound[:, low:high].astype(np.float32)
        for number, dilation in enumerate(DILATIONS):
            block = _convolved(
                block, weights[f"layer.{number}.weight"], weights[f"layer.{number}.bias"], dilation
            )
        stop = min(count, first + BLOCK)
        hidden[:, first:stop] = block[:, first - low : stop - low]
    odds = weights["odds.weight"] @ hidden + weights["odds.bias"]
    seconds = features.spectrum_seconds
    step = seconds[1] - seconds[0]
    return NetworkOutput(seconds[0] + (np.arange(count) - AROUND) * step, odds, hidden)


def inputs(features: Features) -> Power:
    """The network's input, (288, hops): 128 bands slowly, 40 in each quarter of a hop.

    With silence in front and behind. At 16 and 32 kHz hops are 4 ms, and quarters come in pairs.
    """
    slow, quick, times = features.spectrum, features.levels, features.attacks.seconds
    step = features.spectrum_seconds[1] - features.spectrum_seconds[0]
    first, quick_step = times[0], times[1] - times[0]
    given = np.full(
        (len(slow) + 4 * len(quick), slow.shape[1] + 2 * AROUND),
        quick.min() / 15 + 1.5,
        np.float16,
    )
    inside = given[:, AROUND:-AROUND]
    given[: len(slow)] = DEEPEST_DB / 20 + 2
    loudest = slow.max()
    for band, level in enumerate(slow):
        inside[band] = np.maximum(level - loudest, DEEPEST_DB) / 20 + 2
    for number, quarter in enumerate((-2, -1, 0, 1)):
        moments = features.spectrum_seconds + quarter * step / 4
        at = np.rint((moments - first) / quick_step).astype(np.int64)
        at = np.clip(at, 0, quick.shape[1] - 1)
        rows = len(slow) + number * len(quick)
        for band, level in enumerate(quick):
            inside[rows + band] = level[at] / 15 + 1.5
    return given


def _convolved(sound: Power, weight: Power, bias: Power, dilation: int) -> Power:
    """A convolution over time with zeros beyond both ends, and what is negative taken off."""
    reach = weight.shape[2] // 2 * dilation
    padded = np.pad(sound, ((0, 0), (reach, reach)))
    out = np.repeat(bias[:, None], sound.shape[1], axis=1)
    for tap in range(weight.shape[2]):
        out += weight[:, :, tap] @ padded[:, tap * dilation : tap * dilation + sound.shape[1]]
    return np.maximum(out, 0)


@cache
def _weights() -> dict[str, Power]:
    from safetensors.numpy import load

    stored = load((resources.files("audio") / WEIGHTS).read_bytes())
    return {name: value.astype(np.float32) for name, value in stored.items()}
