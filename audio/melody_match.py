"""Whether a stem plays the melody that was given, note by note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audio.clip import Clip
from audio.features import Floats, pitch_over_time
from audio.report import Departure, MelodyMatch
from midi.grid import Grid
from midi.note import Note

WITHIN_SEMITONES = 0.5
EDGE_SHARE = 0.2  # of a note at either end, where pitches glide
MIN_SOUNDING = 0.3  # of the rest must have a pitch, or the note is missing
LATE_SECONDS = 0.05  # a pitch may last that much longer than its note


def match_melody(stem: Clip, notes: Sequence[Note], grid: Grid) -> MelodyMatch | None:
    """Compare a monophonic stem with notes (an empty row gives None); raises AudioError."""
    if not notes:
        return None
    pitches, seconds = pitch_over_time(stem) or (np.zeros(0), np.zeros(0))
    given = np.zeros(len(pitches), bool)
    hits = octave_hits = 0
    departures = []
    for note in notes:
        start, end = (float(grid.seconds_at(at)) for at in (note.start_beats, note.end_beats))
        off = _during(pitches, seconds, start, end) - note.pitch
        found = None if not len(off) else float(np.median(off))
        hit = found is not None and abs(found) <= WITHIN_SEMITONES
        hits += hit
        octave_hits += found is not None and abs((found + 6) % 12 - 6) <= WITHIN_SEMITONES
        if not hit:
            was = None if found is None else round(note.pitch + found, 2)
            departures.append(Departure(float(note.start_beats), note.pitch, was))
        span = (seconds >= start) & (seconds < end + LATE_SECONDS)
        given |= span & (np.abs(pitches - note.pitch) <= WITHIN_SEMITONES)
    sounding = np.isfinite(pitches)
    recall = hits / len(notes)
    precision = float(given[sounding].mean()) if sounding.any() else 0.0
    both = recall + precision
    return MelodyMatch(
        note_f1=2 * recall * precision / both if both else 0.0,
        recall=recall,
        precision=precision,
        chroma_agreement=octave_hits / len(notes),
        departures=tuple(departures),
    )


def _during(pitches: Floats, seconds: Floats, start: float, end: float) -> Floats:
    """The pitches in the middle of a note, or none where it hardly sounds."""
    edge = EDGE_SHARE * (end - start)
    inside = pitches[(seconds >= start + edge) & (seconds <= end - edge)]
    sounding = inside[np.isfinite(inside)]
    enough = len(inside) and len(sounding) >= MIN_SOUNDING * len(inside)
    return sounding if enough else sounding[:0]
