"""Everything that is measured on a recording, in one place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import fields

import numpy as np

from audio.beats import Beats, find_beats
from audio.clip import Clip
from audio.faults import find_faults
from audio.features import extract_features
from audio.loudness import measure_loudness
from audio.measure import at_measurable_rate, measure
from audio.melody_match import match_melody
from audio.report import Examination, Fault, Loudness, Placement
from audio.tonality import key_score
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody

LONG_SECONDS = 240.0


def examine(
    mix: Clip,
    grid: Grid,
    key: Key | None = None,
    *,
    melody: Melody | None = None,
    melody_stem: Clip | None = None,
    drums: Clip | None = None,
    unasked_vocals: Clip | None = None,
) -> Examination:
    """Measure a recording against a grid, and the key and melody asked for, if any.

    The melody is looked for in `melody_stem`, else in the mix itself, where it can only be found if
    one voice sings alone. Raises AudioError.
    """
    with ThreadPoolExecutor(1) as other:  # numpy and scipy release the lock
        level = other.submit(_level, mix, unasked_vocals)
        if mix.seconds > LONG_SECONDS:
            wait([level])  # both at once would take too much memory
        audible = at_measurable_rate(mix)
        features = extract_features(audible)
        beats = find_beats(audible, grid, features) if features else None
        report = measure(mix, grid, key, drums=drums, onsets=features.onsets if features else None)
        score = key_score(audible, key) if key else None
        match = match_melody(melody_stem or mix, melody.notes, grid) if melody else None
        loudness, faults = level.result()
    return Examination(
        **{each.name: getattr(report, each.name) for each in fields(report)},
        placement=placement(beats, grid) if beats else None,
        key_score=score,
        melody=match,
        loudness=loudness,
        faults=faults,
    )


def _level(mix: Clip, unasked_vocals: Clip | None) -> tuple[Loudness, tuple[Fault, ...]]:
    loudness = measure_loudness(mix)
    faults = find_faults(mix, unasked_vocals=unasked_vocals, true_peak_dbtp=loudness.true_peak_dbtp)
    return loudness, faults


def placement(beats: Beats, grid: Grid) -> Placement:
    """Compare beats with the grid they were meant for."""
    inside = beats.beats < float(grid.beats)
    places, seconds = beats.beats[inside], beats.seconds[inside]
    expected = np.array([float(grid.seconds_at(beat)) for beat in places])
    off = 1000 * (seconds - expected)
    pace = np.diff(expected) / np.diff(seconds)
    mean = (expected[-1] - expected[0]) / (seconds[-1] - seconds[0])
    lines = {float(line) for line in grid.bar_starts[:-1]}
    bars = [
        round(float(second), 4)
        for beat, second in zip(places, seconds, strict=True)
        if float(beat) in lines
    ]
    return Placement(
        median_ms=round(float(np.median(off)), 2),
        p95_ms=round(float(np.percentile(np.abs(off), 95)), 2),
        worst_ms=round(float(max(off, key=abs)), 2),
        drift_percent=round(100 * float(np.abs(pace / mean - 1).max()), 3),
        downbeats_seconds=tuple(bars),
        downbeat_confidence=round(beats.downbeat_confidence, 3),
        doubt=beats.doubt,
    )
