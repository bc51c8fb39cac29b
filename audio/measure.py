"""Measure the tempo, offset, key and peak of a clip, and compare them with what was asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audio.clip import Clip, check_same_shape, resample_fast
from audio.decibels import amplitude_to_db
from audio.features import MAX_SAMPLE_RATE, OnsetEnvelope, onset_envelope
from audio.pulse import beat_offset_seconds, find_pulse
from audio.report import Report
from audio.tonality import find_key, key_relation
from midi.grid import Grid
from midi.key import Key

RELATIONS: Mapping[str, float] = {
    "1": 1, "2": 2, "1/2": 1 / 2, "3/2": 3 / 2, "2/3": 2 / 3, "3": 3, "1/3": 1 / 3,
    "4": 4, "1/4": 1 / 4, "4/3": 4 / 3, "3/4": 3 / 4,
}  # fmt: skip
MAX_ERROR_FOR_OFFSET_PERCENT = 1.0  # beyond it beats run away from the grid


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
    clips share rate and length. `onsets` are those of the
    mix's features, if they are known. Raises AudioError.
    """
    audible = pitched = at_measurable_rate(mix)
    if drums is not None:
        check_same_shape(mix, {"drums": drums})
        pitched = at_measurable_rate(Clip(mix.samples - drums.samples, mix.sample_rate))
        drums = at_measurable_rate(drums)
    onsets = onsets or onset_envelope(audible)
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


def at_measurable_rate(clip: Clip) -> Clip:
    """The clip itself, or at the highest rate that can be measured."""
    if clip.sample_rate <= MAX_SAMPLE_RATE:
        return clip
    return resample_fast(clip, MAX_SAMPLE_RATE)
