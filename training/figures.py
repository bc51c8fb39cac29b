"""Figures of one piece of music as files would hold it, from what independent judges hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.clip import Clip
from audio.decibels import power_to_db
from diffusion.embedded.performance import Played
from midi.grid import Grid

Array = NDArray[np.float64]

# What a tracker may count instead of quarters; thirds where the meter is counted in threes.
OCTAVES = {"1": 1.0, "2": 2.0, "1/2": 0.5, "4": 4.0, "1/4": 0.25}
THIRDS = {"3/2": 1.5, "2/3": 2 / 3, "3": 3.0, "1/3": 1 / 3, "4/3": 4 / 3, "3/4": 0.75}
# Where drums may fall within a beat: sixteenths, and eighth triplets for swing.
PLACES_IN_BEAT = (0.0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0)
REST_AFTER_SECONDS = 1.0  # releases and the room have a second to die away
REST_BEFORE_SECONDS = 0.1  # notes may begin a little early


@dataclass(frozen=True, slots=True)
class TempoHeard:
    """Relation of the tempo heard to the one asked, and what is left of an error, in percent."""

    relation: str
    error_percent: float


def tempo_heard(bpm: float | None, grid: Grid) -> TempoHeard:
    """Compare a tracker's tempo with the grid's."""
    if bpm is None:
        return TempoHeard("none", 100.0)
    counts_threes = grid.meter.numerator % 3 == 0
    allowed = OCTAVES | (THIRDS if counts_threes else {})
    ratio = bpm / grid.bpm
    relation = min(allowed, key=lambda name: abs(np.log(ratio / allowed[name])))
    return TempoHeard(relation, 100 * abs(ratio / allowed[relation] - 1))


def first_downbeat_ms(onsets: Array, hits: Sequence[Played], grid: Grid) -> float | None:
    """Return onset minus grid at the first bar that a drum begins and the judge hears begin.

    None where no bar begins with a drum that is heard within 60 ms.
    """
    starts = [hit.start_beats for hit in hits]
    for bar in grid.bar_starts[:-1]:
        at = float(grid.seconds_at(bar))
        near = onsets[np.abs(onsets - at) < 0.06]
        if len(near) and any(abs(start - float(bar)) < 1 / 24 for start in starts):
            return float(1000 * (near[np.abs(near - at).argmin()] - at))
    return None


def grid_errors_ms(onsets: Array, grid: Grid) -> Array:
    """Return |onset minus nearest sixteenth or eighth triplet| of each onset inside the grid."""
    inside = onsets[(onsets > -0.05) & (onsets < float(grid.seconds) - 0.05)]
    beats = np.array([float(grid.beat_at(max(0.0, seconds))) for seconds in inside])
    places = np.array(PLACES_IN_BEAT)
    errors = np.abs((beats % 1.0)[:, None] - places).min(axis=1)
    return np.asarray(errors * 60_000 / grid.bpm)


def rest_db(clip: Clip, notes: Sequence[tuple[float, float, int]]) -> float | None:
    """Return the level where no note sounds under the level where notes do, in dB.

    None where the part never rests for half a second, or never plays.
    """
    if not notes:
        return None
    rate = clip.sample_rate
    power = np.square(clip.samples.astype(np.float64)).mean(axis=0)
    playing = np.zeros(clip.frames, bool)
    resting = np.ones(clip.frames, bool)
    for start, end, _ in notes:
        playing[max(0, int(start * rate)) : int(end * rate)] = True
        first = max(0, int((start - REST_BEFORE_SECONDS) * rate))
        resting[first : int((end + REST_AFTER_SECONDS) * rate)] = False
    if resting.sum() < rate / 2 or not playing.any():
        return None
    level = power_to_db(power[playing].mean() + 1e-20)
    return float(level - power_to_db(power[resting].mean() + 1e-20))


def share_below(clip: Clip, hz: float) -> float:
    """Return the share of a clip's energy below `hz`, 0..1."""
    mono = clip.samples.mean(axis=0).astype(np.float64)
    power = np.abs(np.fft.rfft(mono)) ** 2
    edges = np.fft.rfftfreq(len(mono), 1 / clip.sample_rate)
    return float(power[edges < hz].sum() / max(float(power.sum()), 1e-20))


def pitch_class_bias(clip: Clip) -> float | None:
    """Return the largest share of a pitch class in the chroma of a clip (1/12 is none at all)."""
    import librosa

    mono = clip.samples.mean(axis=0)
    if np.abs(mono).max() < 1e-4:
        return None
    chroma = librosa.feature.chroma_stft(y=mono, sr=clip.sample_rate, tuning=0.0, norm=None)
    share = chroma.mean(axis=1)
    return float(share.max() / share.sum())


def note_distance(one: Sequence[Played], other: Sequence[Played]) -> float:
    """Return 1 - F1 of two parts' notes: equal pitch, starts within an eighth of a beat."""
    left = list(other)
    hits = 0
    for note in one:
        for candidate in left:
            near = abs(candidate.start_beats - note.start_beats) <= 0.125
            if candidate.pitch == note.pitch and near:
                left.remove(candidate)
                hits += 1
                break
    total = len(one) + len(other)
    return 1 - 2 * hits / total if total else 0.0
