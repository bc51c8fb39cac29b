"""Measure a clip against the grid and key it was asked for: the report of what it really is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audio.clip import Clip, check_alike, resample_to_hear
from audio.decibels import amplitude_to_db
from audio.hearing import MAX_SAMPLE_RATE, OnsetEnvelope, onset_envelope
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
    heard: OnsetEnvelope | None = None,
) -> Report:
    """Measure tempo and peak on the mix, key on the mix minus `drums`, the offset on the drums.

    Without drums (or where they are silent) everything is measured on the mix. Any channels; the
    clips share rate and length. `heard` are the onsets of audio.hearing.hear(mix), where those are
    at hand. Raises AudioError.
    """
    audible = pitched = within_hearing(mix)
    if drums is not None:
        check_alike(mix, {"drums": drums})
        pitched = within_hearing(Clip(mix.samples - drums.samples, mix.sample_rate))
        drums = within_hearing(drums)
    heard = heard or onset_envelope(audible)
    pulse = find_pulse(heard, grid) if heard else None
    relation = error = offset = None
    if pulse:
        relation = min(RELATIONS, key=lambda name: abs(np.log(pulse.rate / RELATIONS[name])))
        error = 100 * (pulse.rate / RELATIONS[relation] - 1)
        if abs(error) <= MAX_ERROR_FOR_OFFSET_PERCENT:
            hits = onset_envelope(drums) if drums is not None else None
            offset = beat_offset_seconds(hits, grid) if hits else None
            offset = beat_offset_seconds(heard, grid) if heard and offset is None else offset
    heard_key = find_key(pitched)
    return Report(
        bpm=pulse.rate * grid.bpm if pulse else None,
        bpm_asked=grid.bpm,
        bpm_error_percent=error,
        octave_relation=relation,
        beats_seconds=tuple(round(each, 4) for each in pulse.beats_seconds) if pulse else (),
        beat_offset_ms=None if offset is None else 1000 * offset,
        key=heard_key.name if heard_key else None,
        key_asked=key.name if key else None,
        key_relation=key_relation(heard_key, key) if heard_key and key else None,
        peak_dbfs=amplitude_to_db(mix.peak),
        frames=mix.frames,
        frames_expected=grid.frames(mix.sample_rate),
    )


def within_hearing(clip: Clip) -> Clip:
    """The clip itself, or at the highest rate that audio.hearing takes."""
    if clip.sample_rate <= MAX_SAMPLE_RATE:
        return clip
    return resample_to_hear(clip, MAX_SAMPLE_RATE)
