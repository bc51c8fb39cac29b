"""How far the chords that are played are those that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from audio.clip import Clip
from audio.constant_q import tones
from audio.features import Floats, pitches_over_time
from audio.report import ChordDeparture, ChordMatch
from midi.chord_symbols import NO_CHORD, spelling
from midi.chords import Chord
from midi.grid import Grid
from midi.note import Note

EARLY_BEATS, LATE_BEATS = 0.125, 0.25  # a bass note that begins so near is at the chord's start
MAX_DEPARTURES = 64
TRIADS = tuple(
    (root, minor, frozenset((root, (root + 4 - minor) % 12, (root + 7) % 12)))
    for minor in (0, 1)
    for root in range(12)
)


def match_notes(chords: Sequence[Chord], notes: Mapping[str, Sequence[Note]]) -> ChordMatch | None:
    """Compare chords with the notes of stems, without the drums; None where nothing is pitched.

    A chord is as asked where its own notes, or its root, third and fifth, fit what sounds while
    it lasts better than any other major or minor triad. The bass is looked for in the bass stem.
    """
    pitched = [note for stem, played in notes.items() if stem != "drums" for note in played]
    if not pitched or not chords:
        return None
    weights = [_weights(pitched, chord) for chord in chords]
    return _match(chords, weights, "notes", _bass_agreement(chords, notes.get("bass", ())))


def match_sound(chords: Sequence[Chord], clip: Clip, grid: Grid) -> ChordMatch | None:
    """Compare chords with the sound of all but the drums; None for silence, N.C. is left out."""
    found = pitches_over_time(clip)
    sounding = [chord for chord in chords if chord.root is not None]
    if found is None or not sounding:
        return None
    levels, seconds = tones(found[0]), found[1]
    weights = []
    for chord in sounding:
        begin, end = (float(grid.seconds_at(b)) for b in (chord.start_beats, chord.end_beats))
        first, last = np.searchsorted(seconds, (begin, end))
        weights.append(levels[:, first : max(last, first + 1)].mean(axis=1))
    return _match(sounding, weights, "sound", None)


def _match(
    chords: Sequence[Chord], weights: Sequence[Floats], source: str, bass: float | None
) -> ChordMatch:
    departures = []
    wrong_beats = 0.0
    for chord, weight in zip(chords, weights, strict=True):
        heard = _heard(chord, weight)
        if heard:
            wrong_beats += chord.length_beats
            departures.append(ChordDeparture(round(chord.start_beats, 4), chord.symbol, heard))
    total = sum(chord.length_beats for chord in chords)
    return ChordMatch(
        round(1 - wrong_beats / total, 4), bass, source, tuple(departures[:MAX_DEPARTURES])
    )


def _weights(notes: Sequence[Note], chord: Chord) -> Floats:
    """What each pitch class weighs while a chord lasts: beats by velocity."""
    weights = np.zeros(12)
    for note in notes:
        begin = max(float(note.start_beats), chord.start_beats)
        beats = min(float(note.end_beats), chord.end_beats) - begin
        if beats > 0:
            weights[note.pitch % 12] += beats * note.velocity / 127
    return weights


def _heard(chord: Chord, weights: Floats) -> str:
    """The chord that sounds instead of the one asked for, or "" where it is that."""
    if not weights.any():
        return "" if chord.root is None else NO_CHORD
    root, minor, best = max(TRIADS, key=lambda triad: _fit(weights, triad[2]))
    if chord.root is not None:
        own = frozenset(chord.pitch_classes)
        # Its triad without the rest, and a third that the chord leaves open, are no other chord.
        short = [each for top, _, each in TRIADS if top == chord.root and _same(each, own)]
        asked = max(_fit(weights, each) for each in (own, *short))
        if asked >= _fit(weights, best) - 1e-9:
            return ""
    return spelling(None)[root] + "m" * minor


def _same(triad: frozenset[int], chord: frozenset[int]) -> bool:
    return triad <= chord or (len(chord) == 2 and chord <= triad)


def _fit(weights: Floats, pitch_classes: frozenset[int]) -> float:
    return float(weights[list(pitch_classes)].sum() / len(pitch_classes) ** 0.5)


def _bass_agreement(chords: Sequence[Chord], notes: Sequence[Note]) -> float | None:
    """The share of chords on whose start the bass begins their bass note; None without a bass."""
    sounding = [chord for chord in chords if chord.bass is not None]
    if not notes or not sounding:
        return None
    there = sum(
        any(
            -EARLY_BEATS <= float(note.start_beats) - chord.start_beats <= LATE_BEATS
            and note.pitch % 12 == chord.bass
            for note in notes
        )
        for chord in sounding
    )
    return round(there / len(sounding), 4)
