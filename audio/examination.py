"""Everything that is measured on a recording, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np

from audio.beats import Beats
from audio.clip import Clip, check_same_shape
from audio.counting import AS_ASKED, Counting, find_counted_beats
from audio.decibels import amplitude_to_db
from audio.faults import find_faults
from audio.features import OnsetEnvelope, audible, extract_features, onset_envelope
from audio.loudness import measure_loudness
from audio.melody_match import match_melody
from audio.note_starts import find_note_starts
from audio.octave import choose_octave
from audio.pulse import beat_offset_seconds, find_pulse, to_beats
from audio.report import Examination, Fault, Loudness, Placement, Report
from audio.tonality import find_key, key_relation, key_score
from midi.grid import MAX_BPM, MIN_BPM, Grid, Meter
from midi.key import Key
from midi.melody import Melody

RELATIONS: Mapping[str, float] = {
    "1": 1, "2": 2, "1/2": 1 / 2, "3/2": 3 / 2, "2/3": 2 / 3, "3": 3, "1/3": 1 / 3,
    "4": 4, "1/4": 1 / 4, "4/3": 4 / 3, "3/4": 3 / 4,
}  # fmt: skip
MAX_ERROR_FOR_OFFSET_PERCENT = 1.0  # beyond it beats run away from the grid
LONG_SECONDS = 240.0
FREE_BPM = 120  # where nothing is known of a tempo it is looked for around this


def examine(
    mix: Clip,
    grid: Grid,
    key: Key | None = None,
    *,
    melody: Melody | None = None,
    melody_stem: Clip | None = None,
    drums: Clip | None = None,
    counting: Counting = AS_ASKED,
) -> Examination:
    """Measure a recording against a grid, and the key and melody asked for, if any.

    Where its beats are followed surely, tempo and beats are theirs, so that all figures agree.
    The melody is looked for in `melody_stem`, else in the mix itself, where it can only be found if
    one voice sings alone. Raises AudioError.
    """
    with ThreadPoolExecutor(1) as other:  # numpy and scipy release the lock
        level = other.submit(_level, mix)
        if mix.seconds > LONG_SECONDS:
            wait([level])  # both at once would take too much memory
        heard = audible(mix)
        features = extract_features(heard)
        beats = find_counted_beats(heard, grid, features, counting) if features else None
        report = measure(mix, grid, key, drums=drums, onsets=features.onsets if features else None)
        if beats and beats.has_tempo:
            report = _by_beats(report, beats, grid, heard.seconds)
        score = key_score(heard, key) if key else None
        match = match_melody(melody_stem or mix, melody.notes, grid) if melody else None
        loudness, faults = level.result()
        if beats and beats.fills_recording:  # it goes on from its start
            faults = tuple(fault for fault in faults if fault.name != "truncation")
    return Examination(
        **{each.name: getattr(report, each.name) for each in fields(report)},
        placement=placement(beats, grid) if beats else None,
        key_score=score,
        melody=match,
        loudness=loudness,
        faults=faults,
    )


def usual_bpm(mix: Clip, meter: str) -> Fraction | None:
    """How fast a listener would count a recording nothing is known of; None without a pulse."""
    features = extract_features(audible(mix))
    parsed = Meter.parse(meter)
    grid = Grid.constant(FREE_BPM, parsed, max(1, int(mix.seconds / 2)))
    pulse = find_pulse(features.onsets, grid) if features else None
    if features is None or pulse is None:
        return None
    notes = find_note_starts(features).envelope
    bpm = choose_octave(pulse.rate * FREE_BPM, features.onsets, notes, parsed, mix.seconds)
    return Fraction(str(round(min(max(bpm, MIN_BPM), MAX_BPM), 3)))


def _by_beats(report: Report, beats: Beats, grid: Grid, seconds: float) -> Report:
    """The report with the tempo and the moments of beats that were followed."""
    inside = beats.seconds <= seconds
    at, places = beats.seconds[inside], beats.beats[inside]
    passed = to_beats(at, grid)
    rate = float((places[-1] - places[0]) / (passed[-1] - passed[0]))
    return replace(
        report,
        bpm=rate * grid.bpm,
        bpm_error_percent=100 * (rate - 1),
        octave_relation="1",
        beats_seconds=tuple(round(each, 4) for each in at.tolist()),
    )


def _level(mix: Clip) -> tuple[Loudness, tuple[Fault, ...]]:
    loudness = measure_loudness(mix)
    return loudness, find_faults(mix, true_peak_dbtp=loudness.true_peak_dbtp)


def measure(
    mix: Clip,
    grid: Grid,
    key: Key | None,
    *,
    drums: Clip | None = None,
    onsets: OnsetEnvelope | None = None,
) -> Report:
    """Measure tempo and peak on the mix, key on the mix minus `drums`, the offset on the drums.

    Without drums (or where they are silent) everything is measured on the mix. Any channels; the
    clips share rate and length. `onsets` are those of the mix, if known. Raises AudioError.
    """
    heard = pitched = audible(mix)
    if drums is not None:
        check_same_shape(mix, {"drums": drums})
        pitched = audible(Clip(mix.samples - drums.samples, mix.sample_rate))
        drums = audible(drums)
    onsets = onsets or onset_envelope(heard)
    pulse = find_pulse(onsets, grid) if onsets else None
    relation = error = offset = None
    if pulse:
        relation = min(RELATIONS, key=lambda name: abs(np.log(pulse.rate / RELATIONS[name])))
        error = 100 * (pulse.rate / RELATIONS[relation] - 1)
        if abs(error) <= MAX_ERROR_FOR_OFFSET_PERCENT:
            hits = onset_envelope(drums) if drums is not None else None
            offset = beat_offset_seconds(hits, grid) if hits else None
            offset = beat_offset_seconds(onsets, grid) if onsets and offset is None else offset
    found_key = find_key(pitched)
    return Report(
        bpm=pulse.rate * grid.bpm if pulse else None,
        bpm_asked=grid.bpm,
        bpm_error_percent=error,
        octave_relation=relation,
        beats_seconds=tuple(round(each, 4) for each in pulse.beats_seconds) if pulse else (),
        beat_offset_ms=None if offset is None else 1000 * offset,
        key=found_key.name if found_key else None,
        key_asked=key.name if key else None,
        key_relation=key_relation(found_key, key) if found_key and key else None,
        peak_dbfs=amplitude_to_db(mix.peak),
        frames=mix.frames,
        frames_expected=grid.frames(mix.sample_rate),
    )


def placement(beats: Beats, grid: Grid) -> Placement:
    """Compare beats with the grid they were meant for."""
    inside = beats.beats < float(grid.beats)
    places, seconds = beats.beats[inside], beats.seconds[inside]
    expected = np.array([float(grid.seconds_at(beat)) for beat in places])
    off = 1000 * (seconds - expected)
    pace = np.diff(expected) / np.diff(seconds)
    mean = (expected[-1] - expected[0]) / (seconds[-1] - seconds[0])
    bars = seconds[np.isin(places, [float(line) for line in grid.bar_starts[:-1]])]
    return Placement(
        median_ms=round(float(np.median(off)), 2),
        p95_ms=round(float(np.percentile(np.abs(off), 95)), 2),
        worst_ms=round(float(max(off, key=abs)), 2),
        drift_percent=round(100 * float(np.abs(pace / mean - 1).max()), 3),
        downbeats_seconds=tuple(round(each, 4) for each in bars.tolist()),
        downbeat_confidence=round(beats.downbeat_confidence, 3),
        doubt=beats.doubt,
        remedy=beats.remedy.value if beats.remedy else None,
    )
